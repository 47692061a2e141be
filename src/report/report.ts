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

/** Where a drain's time went, in milliseconds from its start. */
export interface Timings {
  /** From the start until the connection was ready; absent when it never was. */
  readonly connectMs?: number;
  /** From the start until the first message came; absent when none did. */
  readonly firstMessageMs?: number;
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

/** The timings, in tenths of a millisecond, from times of the monotonic clock. */
export function makeTimings(
  startedAt: number,
  connectMs: number,
  firstMessageAt: number | undefined,
  endedAt: number,
): Timings {
  const round = (ms: number): number => Math.round(ms * 10) / 10;
  const first = firstMessageAt === undefined ? {} : { firstMessageMs: round(firstMessageAt - startedAt) };
  return { connectMs: round(connectMs), ...first, totalMs: round(endedAt - startedAt) };
}
