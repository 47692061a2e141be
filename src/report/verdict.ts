// The verdict on a drain: from everything it met, the one reason of its report, and the findings
// beside it. Pure.
import type { Journal, Note, Noted } from "./journal.ts";
import { type Ending, ending, REASONS } from "./reasons.ts";
import type { Finding } from "./report.ts";

/** Why a drain stopped before it was done. */
export type Stopped = "deadline" | "aborted" | "handlers-failing";

/** What a drain met, once nothing of it is under way any more. */
export interface Met {
  /** How the Fetch ended; undefined where the drain stopped it. */
  readonly fetch: Ending | undefined;
  /** A permission that settling or publishing lacked. */
  readonly denied: Ending | undefined;
  readonly stopped: Stopped | undefined;
  /** Longest wait that a failing handler's target asked for, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
  readonly unconfirmed: number;
  /** The consumer was gone, or another, when its messages were settled. */
  readonly gone: Ending | undefined;
  /** How the connection ended, if it did so by itself. */
  readonly lost: Ending | undefined;
  /** Messages were released, or handlers given up. */
  readonly cutShort: boolean;
}

/** A target may ask for a year. A scheduler that waits as long has stopped draining. */
const MAX_RETRY_AFTER_MS = 3_600_000;

/** What ended it. A failure of the Fetch comes first; then what the settling met; then how far it got. */
export function verdict(met: Met): Ending {
  if (met.fetch && REASONS[met.fetch.reason].outcome !== "completed") {
    // nats-server 2.9 answers no pull request of a consumer that is gone.
    return met.fetch.reason === "heartbeat-lost" ? (met.gone ?? met.fetch) : met.fetch;
  }
  if (met.denied) return met.denied;
  // What came when all was done already has ended nothing.
  if (met.stopped === "aborted" && (met.cutShort || !met.fetch)) return ending("aborted");
  if (met.unconfirmed > 0) {
    const detail = "The server did not confirm the settlements in time: is it frozen, or far away?";
    return met.gone ?? met.lost ?? ending("connection-lost", detail);
  }
  if (met.stopped === "handlers-failing") {
    const failing = ending("handlers-failing");
    if (met.retryAfterMs === undefined) return failing;
    return { ...failing, retryAfterMs: Math.min(met.retryAfterMs, MAX_RETRY_AFTER_MS) };
  }
  return met.cutShort || !met.fetch ? ending("deadline") : met.fetch;
}

type Say = (noted: Noted) => string;

/** Every finding's sentence, in the order in which a report has them. */
const SENTENCES: Readonly<Record<Note, Say>> = {
  "handler-failed": ({ count, first }) => `${count} handlers threw; the first: ${first[0]}.`,
  "batch-result-invalid": ({ first }) => `All were retried, because ${first[0]}.`,
  "retry-delay-failed": ({ count, first }) => `retryDelay ${first[0]} ${count} times; the default was used.`,
  "dead-letter-failed": ({ count, first }) => `${count} dead letters failed; the first: ${first[0]}.`,
  "dead-letter-unconfirmed": ({ count, first }) =>
    `${count} dead letters, or copies, went out without an answer, and may be stored: ${list(first)}.`,
  "dead-letter-copied": ({ count, first }) =>
    `${count} messages without a delivery left were copied to the end of their stream, until ` +
    `their dead letter can be published: ${list(first)}.`,
  "dead-letter-stub": ({ count, first }) =>
    `${count} dead letters did not fit and only point at their message, which stays in ` +
    `its stream: ${list(first)}.`,
  "dead-letter-parked": ({ count, first }) =>
    `${count} messages must stay in their stream, and count against max_ack_pending for a year: ` +
    `${list(first)}. Set the consumer's max_deliver.`,
  "dead-letter-loop": ({ count, first }) =>
    `${count} dead letters came back to the consumer that had made them, and were not ` +
    `published again: ${list(first)}.`,
  "headers-dropped": ({ count, first }) =>
    `${count} messages have headers that cannot be carried, which were left out: ${list(first)}.`,
  "deliveries-exhausted": ({ count, first }) =>
    `${count} messages used up max deliver without success and stay in the stream: ${list(first)}.`,
  "foreign-message": ({ count, first }) =>
    `${count} messages on the pull's inbox were no deliveries of the consumer, and were ` +
    `ignored: ${list(first)}.`,
  "ack-wait-guessed": () =>
    "Consumer info was not to be had, so the ack wait was taken for 30 s: allow the user " +
    "to publish to $JS.API.CONSUMER.INFO.",
  "ack-wait-ended": ({ count, first }) =>
    `${count} deliveries came of messages that were held or acked already, and started no second handler: ` +
    `${list(first)}. The ack wait is shorter than it was known to be, or the event loop was blocked.`,
  "max-deliver-unknown": ({ count, first }) =>
    `Consumer info was not to be had, so ${count} messages count as retried or released that may have ` +
    `had their last delivery: ${list(first)}. Allow the user to publish to $JS.API.CONSUMER.INFO.`,
  "insecure-connection": ({ first }) => `The connection is not encrypted (allowInsecure): ${list(first)}.`,
  "observer-failed": ({ first }) => `The observer failed and was not called again: ${list(first)}.`,
  "history-failed": ({ first }) => `The report was not kept in the history: ${first[0]}.`,
};

function list(first: readonly string[]): string {
  return first.join(", ");
}

/** What went wrong beside the reason, from the journal. */
export function findings(journal: Journal): Finding[] {
  return Object.entries(SENTENCES).flatMap(([code, say]) => {
    const noted = journal.noted(code as Note); // by Object.entries
    return noted ? [{ code, message: say(noted) }] : [];
  });
}
