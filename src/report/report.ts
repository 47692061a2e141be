// What a drain returns.
import { type Ending, type Outcome, REASONS, type Reason } from "./reasons.ts";

/** Something worth an operator's look that did not end the drain. */
export interface Finding {
  /** Stable name, to filter on. */
  readonly code: string;
  readonly message: string;
  /** A command that mends it. */
  readonly mend?: string;
}

/** What became of the deliveries. The counts of one report add up to `fetched`. */
export interface Counts {
  /** Deliveries received; a redelivery within one drain counts again. */
  readonly fetched: number;
  /** Acks that the server confirmed. */
  readonly acked: number;
  /**
   * Naks that the server confirmed: the handler threw, asked for it, or ran out of time. Each will
   * be delivered again.
   */
  readonly retried: number;
  /** Terms that the server confirmed, without a dead letter. */
  readonly rejected: number;
  /** Terms that the server confirmed, after the dead letter had its PubAck. */
  readonly deadLettered: number;
  /** Naks that the server confirmed of messages that no handler had started. Each will be delivered again. */
  readonly released: number;
  /**
   * Used up max deliver without success, and without a dead letter: stays in the stream, and is not
   * delivered again.
   */
  readonly exhausted: number;
  /**
   * Everything whose settling the server did not confirm. Each of these is delivered again after
   * its ack wait.
   */
  readonly unconfirmed: number;
}

/** The counts of a drain that received nothing. */
export const NO_COUNTS: Counts = {
  fetched: 0,
  acked: 0,
  retried: 0,
  rejected: 0,
  deadLettered: 0,
  released: 0,
  exhausted: 0,
  unconfirmed: 0,
};

/** What is counted, in the order of a report. */
export const COUNT_NAMES = Object.keys(NO_COUNTS) as readonly (keyof Counts)[]; // it has no others

/** Dead letters of one reason. */
export interface DeadLetters {
  /** What the handler gave, or why the drain made it one: its first 120 characters. */
  readonly reason: string;
  readonly count: number;
}

/**
 * Where a drain's time went, in milliseconds from its start. Each moment is absent where the drain
 * did not come to it.
 */
export interface Timings {
  /** The connection was ready. */
  readonly connectMs?: number;
  /** Idle heartbeats came: the first 32. */
  readonly heartbeatsMs?: readonly number[];
  /** The first message came. */
  readonly firstMessageMs?: number;
  /** The Fetch had ended. */
  readonly fetchedMs?: number;
  /** The last handler had ended, or was given up. */
  readonly handledMs?: number;
  /** The first settlement was sent. */
  readonly settlingMs?: number;
  /** The last settlement was sent. */
  readonly settledMs?: number;
  /** The consumer's leader had confirmed what it did. */
  readonly confirmedMs?: number;
  /** The connection was closed: absent in a history, which is written before. */
  readonly closedMs?: number;
  /** The report was made. */
  readonly totalMs: number;
}

/** What one drain came to. Plain data: `JSON.stringify` gives it whole. */
export interface Report extends Counts {
  readonly outcome: Outcome;
  readonly reason: Reason;
  /** For the operator: what happened and what to look at. Never a message's body, never a secret. */
  readonly message: string;
  /** Where waiting helps: milliseconds before a retry is worth it. */
  readonly retryAfterMs?: number;
  readonly stream: string;
  readonly consumer: string;
  /** Messages that the consumer still had to deliver when last heard of; absent when nothing told. */
  readonly pending?: number;
  /** Whether another drain, now, would find something. */
  readonly more: boolean;
  /** Idle heartbeats seen. */
  readonly heartbeats: number;
  /** When the drain started, ISO 8601. */
  readonly startedAt: string;
  readonly timings: Timings;
  readonly findings: readonly Finding[];
  /** Dead letters by reason, whose dead letter has its PubAck; absent where there are none. */
  readonly deadLetters?: readonly DeadLetters[];
}

/** Everything a report says that its reason does not. */
export type ReportFacts = Omit<Report, "outcome" | "reason" | "message" | "retryAfterMs">;

/** A report: the ending, its outcome from the table, and the facts. */
export function makeReport(end: Ending, facts: ReportFacts): Report {
  const { outcome } = REASONS[end.reason];
  const retryAfterMs = end.retryAfterMs ?? REASONS[end.reason].retryAfterMs;
  const wait = retryAfterMs === undefined ? {} : { retryAfterMs };
  return { outcome, reason: end.reason, message: end.message, ...wait, ...facts };
}

/** Times of the monotonic clock. */
export type Moments = {
  readonly [Name in Exclude<keyof Timings, "heartbeatsMs">]?: number | undefined;
} & { readonly totalMs: number };

/** The timings, in tenths of a millisecond. */
export function makeTimings(startedAt: number, moments: Moments, heartbeats: readonly number[]): Timings {
  const since = (at: number): number => Math.round((at - startedAt) * 10) / 10;
  const known = Object.entries(moments)
    .flatMap(([name, at]) => (at === undefined ? [] : [[name, since(at)] as const]))
    .sort(([, one], [, other]) => one - other);
  const beats = heartbeats.length > 0 ? { heartbeatsMs: heartbeats.map(since) } : {};
  return { ...beats, ...Object.fromEntries(known), totalMs: since(moments.totalMs) };
}
