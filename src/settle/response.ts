// What an HTTP response means for the message that it answers: the one place that decides it, for a
// handler that returns a Response and for the deployable Worker. Pure: whoever calls it cancels the
// body.
import { ack, reject, retry, type Settlement } from "./settlement.ts";

/** What is read of a Response. */
export interface ResponseHead {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
}

// "0", or a date that has passed, must not use up every delivery within a second.
const MIN_RETRY_MS = 1_000;
// nats-server takes longer delays, but nobody waits for them: a longer one is a mistake.
const MAX_RETRY_MS = 365 * 24 * 3_600_000;

// RFC 9110, 5.6.7: what is sent today, and the two obsolete forms that a recipient must accept.
// Date.parse takes all of them, and much that is none: it reads "1.5" as a day of 2001.
const IMF_DATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;
const RFC850_DATE = /^[A-Z][a-z]{5,8}, \d{2}-[A-Z][a-z]{2}-\d{2} \d{2}:\d{2}:\d{2} GMT$/;
const ASCTIME_DATE = /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/;

/**
 * Whether a status says that the target is down or has too much to do, as an error thrown by a handler does.
 */
export function isFailureStatus(status: number): boolean {
  return status === 408 || status === 425 || status === 429 || status >= 500;
}

/**
 * The settlement that a response asks for. 2xx acks. 408, 425, 429 and 5xx ask for another
 * delivery, after Retry-After where it is given: at least 1 s, at most a year. 3xx (and the 0 of an
 * opaque response) is a wrong address, so the message stays and is delivered again. Any other 4xx
 * is a reject. Never throws, whatever the headers hold. `nowMs` is in milliseconds since the epoch.
 */
export function settlementOfResponse(response: ResponseHead, nowMs: number): Settlement {
  const { status } = response;
  if (status >= 200 && status < 300) return ack();
  if (status >= 400 && !isFailureStatus(status)) return reject(`HTTP ${status}`);
  const delayMs = isFailureStatus(status)
    ? parseRetryAfter(response.headers.get("Retry-After"), nowMs)
    : undefined;
  return delayMs === undefined ? retry() : retry({ delayMs });
}

/**
 * Retry-After (RFC 9110, 10.2.3), seconds or a date, as milliseconds from `nowMs`; undefined when
 * it is neither.
 */
function parseRetryAfter(value: string | null, nowMs: number): number | undefined {
  const text = value?.trim() ?? "";
  const delayMs = /^\d+$/.test(text) ? Number(text) * 1_000 : parseDate(text) - nowMs;
  return Number.isNaN(delayMs) ? undefined : Math.min(Math.max(MIN_RETRY_MS, delayMs), MAX_RETRY_MS);
}

/** NaN for what is no date, and for one that no calendar has. */
function parseDate(text: string): number {
  const isAsctime = ASCTIME_DATE.test(text);
  if (!isAsctime && !IMF_DATE.test(text) && !RFC850_DATE.test(text)) return Number.NaN;
  const time = Date.parse(isAsctime ? `${text} GMT` : text);
  // It takes 31 Feb for 3 Mar. The day is the first number of each form.
  return new Date(time).getUTCDate() === Number(/\d+/.exec(text)) ? time : Number.NaN;
}
