// The table of reasons: the one place that says what each way of ending means.
import { oneLine } from "../checks.ts";

/** How a drain ended, as a scheduler sees it: done, worth another try as it is, or in need of an operator. */
export type Outcome = "completed" | "retryable" | "fatal";

/** What a reason means, to a scheduler and to an operator. */
export interface ReasonEntry {
  readonly outcome: Outcome;
  /** One sentence for an operator; part of the table in docs/reasons.md. */
  readonly meaning: string;
  /** Where waiting helps: how long, in milliseconds, before a retry is worth its connection. */
  readonly retryAfterMs?: number;
}

/** Every way a drain can end. Closed, and part of the API: a scheduler may switch over it. */
export type Reason =
  | ("empty" | "batch-full" | "max-wait" | "deadline")
  | ("heartbeat-lost" | "connection-lost" | "connect-failed" | "connect-timeout" | "jetstream-unavailable")
  | ("leadership-changed" | "server-shutdown" | "limit-exceeded" | "handlers-failing" | "aborted")
  | ("unauthorized" | "permission-denied" | "stream-not-found" | "consumer-not-found" | "consumer-deleted")
  | (
      | "not-a-pull-consumer"
      | "unsupported-consumer"
      | "message-too-large"
      | "bad-request"
      | "invalid-options"
    );

/** The table of reasons: `REASONS[reason].outcome`, `.meaning` and, where waiting helps, `.retryAfterMs`. */
export const REASONS: Readonly<Record<Reason, ReasonEntry>> = {
  empty: { outcome: "completed", meaning: "Nothing is left of what was there." },
  "batch-full": { outcome: "completed", meaning: "The batch came full; there may be more." },
  "max-wait": { outcome: "completed", meaning: "With `fill`: max wait ended before the batch was full." },
  deadline: {
    outcome: "completed",
    meaning: "The budget ended first; what no handler had started was released.",
  },

  "heartbeat-lost": {
    outcome: "retryable",
    meaning: "The server fell silent for two heartbeats while the pull request was outstanding.",
    retryAfterMs: 1_000,
  },
  "connection-lost": {
    outcome: "retryable",
    meaning: "The connection ended during the drain.",
    retryAfterMs: 1_000,
  },
  "connect-failed": { outcome: "retryable", meaning: "No connection could be made.", retryAfterMs: 5_000 },
  "connect-timeout": {
    outcome: "retryable",
    meaning: "The server did not complete the connection in its slice of the budget.",
    retryAfterMs: 5_000,
  },
  "jetstream-unavailable": {
    outcome: "retryable",
    meaning: "Nothing answered for JetStream: it is off, or has no leader, for this account or server.",
    retryAfterMs: 5_000,
  },
  "leadership-changed": {
    outcome: "retryable",
    meaning: "The consumer got a new leader during the Fetch.",
    retryAfterMs: 500,
  },
  "server-shutdown": {
    outcome: "retryable",
    meaning: "The server said that it is shutting down.",
    retryAfterMs: 1_000,
  },
  "limit-exceeded": {
    outcome: "retryable",
    meaning:
      "A limit of the consumer is reached: waiting pull requests (max_waiting) or unacked " +
      "messages (max_ack_pending).",
    retryAfterMs: 5_000,
  },
  "handlers-failing": {
    outcome: "retryable",
    meaning: "So many handlers in a row failed that the drain stopped; the rest was released.",
    retryAfterMs: 5_000,
  },
  aborted: { outcome: "retryable", meaning: "The caller's signal aborted the drain; the rest was released." },

  unauthorized: { outcome: "fatal", meaning: "The server refused the credentials." },
  "permission-denied": {
    outcome: "fatal",
    meaning: "The user may not publish or subscribe to a subject that a drain needs.",
  },
  "stream-not-found": { outcome: "fatal", meaning: "There is no such stream in this account." },
  "consumer-not-found": {
    outcome: "fatal",
    meaning: "The stream has no such consumer; a drain never creates one.",
  },
  "consumer-deleted": {
    outcome: "fatal",
    meaning: "The consumer or its stream was deleted during the Fetch.",
  },
  "not-a-pull-consumer": { outcome: "fatal", meaning: "The consumer pushes; a drain needs a pull consumer." },
  "unsupported-consumer": {
    outcome: "fatal",
    meaning: "The consumer's ack policy is not explicit: a drain could settle no message by itself.",
  },
  "message-too-large": {
    outcome: "fatal",
    meaning: "The next message is larger than `maxBytes`; no Fetch can pass it.",
  },
  "bad-request": { outcome: "fatal", meaning: "The server refused the pull request." },
  "invalid-options": {
    outcome: "fatal",
    meaning: "An option is missing or malformed, or the limit is too small.",
  },
};

/** How one ended, before the numbers are known: the reason, and what to tell the operator. */
export interface Ending {
  readonly reason: Reason;
  readonly message: string;
  /** In place of the table's, where the outside world asked for more. */
  readonly retryAfterMs?: number;
}

/** A detail may quote a server, or whoever answers as one. */
const MAX_DETAIL_LENGTH = 1_000;

/** An ending with the table's own sentence, and what this time adds to it, in one line. */
export function ending(reason: Reason, detail?: string): Ending {
  const { meaning } = REASONS[reason];
  return { reason, message: detail ? `${meaning} ${oneLine(detail, MAX_DETAIL_LENGTH)}` : meaning };
}
