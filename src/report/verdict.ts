// The verdict on a drain: from everything it met, the one reason of its report, and the findings beside it. Pure.
import type { FetchEnd } from "../connection/failure.ts";
import type { ConsumerFacts } from "../fetch/consumer.ts";
import type { Failures } from "../settle/settler.ts";
import { type Ending, ending } from "./reasons.ts";
import type { Finding } from "./report.ts";

/** What a drain met. */
export interface Met {
  readonly fetchEnd: FetchEnd;
  /** A permission that settling or publishing lacked. */
  readonly denied: Ending | undefined;
  readonly stopped: "deadline" | "aborted" | undefined;
  readonly fetched: number;
  readonly unconfirmed: number;
  /** The consumer was gone when its messages were settled. */
  readonly gone: Ending | undefined;
  /** How the connection ended, if it did so by itself. */
  readonly lost: Ending | undefined;
  /** Messages were released, or handlers given up. */
  readonly cutShort: boolean;
  readonly consumer: ConsumerFacts | undefined;
}

/** What ended it. A failure of the Fetch comes first; then what the settling met; then how far it got. */
export function verdict(met: Met): Ending {
  if (met.fetchEnd.kind === "failed") return met.fetchEnd.ending;
  if (met.denied) return met.denied;
  if (met.stopped === "aborted") return ending("aborted");
  if (met.unconfirmed > 0) {
    const detail = "The server did not confirm the settlements in time: is it frozen, or far away?";
    return met.gone ?? met.lost ?? ending("connection-lost", detail);
  }
  if (met.cutShort || met.fetchEnd.kind === "stopped") return ending("deadline");
  return met.fetched > 0 || !met.consumer
    ? ending(met.fetchEnd.kind)
    : emptyHanded(met.fetchEnd.kind, met.consumer);
}

/** Nothing came. Consumer info may know a reason other than that nothing was there. */
function emptyHanded(reason: "empty" | "batch-full" | "max-wait", consumer: ConsumerFacts): Ending {
  const { ackPending, maxAckPending, paused } = consumer;
  if (maxAckPending > 0 && ackPending >= maxAckPending) {
    const detail = `${ackPending} messages wait for their ack, and max_ack_pending is ${maxAckPending}.`;
    return ending("limit-exceeded", detail);
  }
  return paused ? ending(reason, "The consumer is paused.") : ending(reason);
}

/** What went wrong with single messages. */
export function findings(failures: Failures): Finding[] {
  const { handlers, firstHandler, retryDelays, deadLetters, firstDeadLetter, batchLength } = failures;
  const found: Finding[] = [];
  if (handlers > 0) {
    found.push({
      code: "handler-failed",
      message: `${handlers} handlers threw; the first: ${firstHandler}.`,
    });
  }
  if (batchLength !== undefined) {
    found.push({ code: "batch-result-invalid", message: `All were retried, because ${batchLength}.` });
  }
  if (retryDelays > 0) {
    found.push({
      code: "retry-delay-failed",
      message: `retryDelay threw ${retryDelays} times; the default was used.`,
    });
  }
  if (deadLetters > 0) {
    const message = `${deadLetters} dead letters were not confirmed; the first: ${firstDeadLetter}.`;
    found.push({ code: "dead-letter-failed", message });
  }
  return found;
}
