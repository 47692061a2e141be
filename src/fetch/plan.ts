// What a Fetch is to do, and whom it works with.
import type { Msg } from "@nats-io/nats-core";
import type { Connection } from "../connection/connection.ts";
import type { Deadline } from "../deadline.ts";
import type { Journal } from "../report/journal.ts";
import type { Consumer } from "./consumer.ts";
import type { PriorityGroup } from "./pull-request.ts";

/** What a Fetch asks for, and how long it may take. */
export interface FetchPlan {
  readonly stream: string;
  readonly consumer: string;
  readonly domain?: string | undefined;
  readonly inboxPrefix?: string | undefined;
  readonly batch: number;
  readonly maxBytes: number;
  readonly fetches: number;
  readonly fill: boolean;
  readonly until: "empty" | "limit";
  readonly priorityGroup?: PriorityGroup | undefined;
  readonly concurrency: number;
  readonly prefetch: number;
  /** One pull request of the whole batch at a time, for a handler that takes them together. */
  readonly whole: boolean;
  readonly maxWaitMs: number;
  readonly heartbeatMs: number;
  /** An upper bound of a round trip, in milliseconds. */
  readonly roundTripMs: number;
  /** After so many deliveries a message is a dead letter. */
  readonly deadLetterAfter: number | undefined;
  readonly deadline: Deadline;
}

/** What the handlers hold, and how fast they are. */
interface Handling {
  readonly queued: number;
  readonly waiting: number;
  readonly running: number;
  readonly handled: number;
  readonly slowestMs: number | undefined;
}

export interface PullerParts {
  readonly connection: Connection;
  readonly plan: FetchPlan;
  readonly consumer: Consumer;
  readonly journal: Journal;
  readonly deliver: (msg: Msg) => void;
  readonly handling: () => Handling;
  /** So many failures more end the drain; infinite while the latest handler did not fail. */
  readonly failuresLeft: () => number;
  /** A batch is whole: no more of its deliveries come. */
  readonly batchEnded: () => void;
}
