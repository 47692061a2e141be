// What is known of a consumer, its stream and its last drains, for what is concluded from them. Types only.
import type { ConsumerConfigFacts } from "../report/preflight.ts";
import type { Report } from "../report/report.ts";
import type { StreamState } from "./stream-state.ts";

/** The consumer's counts now. */
export interface ConsumerCounts {
  readonly pending: number;
  /** Delivered and not settled. */
  readonly unacked: number;
  /**
   * Delivered more than once, and not settled since. nats-server counts one here for good that used up
   * its deliveries (2.9.10 to 2.15.1), while it is no longer among `unacked`.
   */
  readonly redelivered: number;
  readonly waiting: number;
  readonly paused: boolean;
  /** The latest message that was delivered, by its sequence in the stream. */
  readonly lastDelivered: number;
  /** Everything up to it is settled. */
  readonly settledUpTo: number;
  /** Deliveries so far, redeliveries counted; undefined: not known. */
  readonly delivered?: number | undefined;
  /** Where it began in its stream. */
  readonly deliverPolicy?: string | undefined;
  readonly priorityGroups?: readonly string[] | undefined;
}

/** What is known of the consumer. */
export interface Known {
  readonly facts: ConsumerConfigFacts;
  readonly counts: ConsumerCounts;
  /** Of the history, oldest first. */
  readonly reports: readonly Report[];
  /** Every message fails for a reason of its own: the target is down. */
  readonly targetIsDown: boolean;
  /** Its stream, where that may be asked. */
  readonly held?: StreamState | undefined;
  /** From one drain to the next. */
  readonly betweenRunsMs?: number | undefined;
  /** Whether the drain pulls for one of the consumer's priority groups. @default false */
  readonly pullsByGroup?: boolean;
}
