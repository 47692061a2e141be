// What a Fetch is to do, and whom it works with.
import type { Connection } from "../connection/connection.ts";
import type { Inbox } from "../connection/inbox.ts";
import { type Deadline, now } from "../deadline.ts";
import type { RawMessage } from "../message/received.ts";
import type { ConsumerFacts } from "../report/facts.ts";
import type { Journal } from "../report/journal.ts";
import type { Consumer } from "./consumer.ts";
import type { PriorityGroup } from "./pull-request.ts";

/** What a Fetch asks for, and how long it may take. */
export interface FetchPlan {
  readonly stream: string;
  readonly consumer: string;
  readonly domain?: string | undefined;
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

/** The smaller of max deliver and the deliveries after which a message is a dead letter. */
export function deliveryLimit(
  { deadLetterAfter }: Pick<FetchPlan, "deadLetterAfter">,
  facts: Pick<ConsumerFacts, "maxDeliver"> | undefined,
): number | undefined {
  const limit = Math.min(
    facts?.maxDeliver ?? Number.POSITIVE_INFINITY,
    deadLetterAfter ?? Number.POSITIVE_INFINITY,
  );
  return Number.isFinite(limit) ? limit : undefined;
}

/** Messages that the consumer gives out before it waits for acks, as a pull request for more would. */
export function roomOf(facts: Pick<ConsumerFacts, "maxAckPending"> | undefined): number {
  const { maxAckPending = 0 } = facts ?? {};
  return maxAckPending > 0 ? maxAckPending : Number.POSITIVE_INFINITY;
}

// How long a later pull request waits where something should be there: other drains may have had
// it, or acks that are on their way make room for it (max_ack_pending).
const FOLLOW_UP_MS = 250;
// A drain that waits for more until its limit asks again so rarely.
const LONG_WAIT_MS = 30_000;

// A pull request ends by itself so long before the deadline, and on its way back: one that is taken back
// may have been answered at that moment.
const MIN_SPARE_MS = 10;
const MAX_SPARE_MS = 80;

/**
 * How long a pull request may wait that is made now, in milliseconds: what comes at its end is to be
 * handled, too, where a delivery in vain may be one too many.
 */
export function longestWaitMs(
  { deadline, roundTripMs }: Pick<FetchPlan, "deadline" | "roundTripMs">,
  limit: number | undefined,
  { slowestMs = 0 }: Pick<Handling, "slowestMs">,
): number {
  // Half of a round trip, which is at most half of connecting.
  const spareMs = Math.min(MIN_SPARE_MS + roundTripMs / 4, MAX_SPARE_MS);
  return deadline - now() - (limit === undefined ? spareMs : Math.max(spareMs, slowestMs));
}

/** How long the next pull request waits, and how often it is told of, in milliseconds. */
export function pullTimes(
  plan: FetchPlan,
  elapsedMs: number,
  hasDelivered: boolean,
  longestMs: number,
): { readonly expiresMs: number; readonly heartbeatMs: number } {
  const expiresMs = Math.max(1, Math.min(waitMs(plan, elapsedMs, hasDelivered), longestMs));
  // The plan's, unless too little time is left for it.
  return { expiresMs, heartbeatMs: plan.heartbeatMs * 3 <= expiresMs ? plan.heartbeatMs : 0 };
}

function waitMs({ maxWaitMs, fill, until }: FetchPlan, elapsedMs: number, hasDelivered: boolean): number {
  // Until the limit each pull request has its own wait for a full batch.
  if (fill) return until === "limit" ? maxWaitMs : Math.max(0, maxWaitMs - elapsedMs);
  if (until === "limit") return Math.max(maxWaitMs, LONG_WAIT_MS);
  return hasDelivered ? Math.min(maxWaitMs, FOLLOW_UP_MS) : maxWaitMs;
}

export interface PullerParts {
  readonly connection: Connection;
  /** Where what is pulled comes. */
  readonly inbox: Inbox;
  readonly plan: FetchPlan;
  readonly consumer: Consumer;
  readonly journal: Journal;
  readonly deliver: (msg: RawMessage) => void;
  readonly handling: () => Handling;
  /** So many failures more end the drain; infinite while the latest handler did not fail. */
  readonly failuresLeft: () => number;
  /** A batch is whole: no more of its deliveries come. */
  readonly batchEnded: () => void;
}
