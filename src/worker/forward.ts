// Forwards a message to the target as a CloudEvent (HTTP binding 1.0, binary mode), and reads the answer as a settlement.
import { type Message, reject, retry, type Settlement } from "../index.ts";
import { decodeAttribute, encodeAttribute } from "../message/attributes.ts";
import type { Target } from "./config.ts";

/** Where a message goes. */
export interface Destination {
  readonly url: string;
  /** A service binding; without one the network's `fetch`. */
  readonly target: Target | undefined;
}

/** Content type of a message that names none. */
const OPAQUE = "application/octet-stream";
/** Type of the events that say nothing of their own. */
const EVENT_TYPE = "io.nats.jetstream.message";

// A week: a longer Retry-After is a mistake more likely than a wish.
const LONGEST_RETRY_MS = 7 * 24 * 3_600_000;
// "0", or a date that has passed, must not burn every delivery in a second.
const LEAST_RETRY_MS = 1_000;
const HTTP_DATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/**
 * Posts the message, body untouched. 2xx acks; 408, 425, 429 and 5xx ask for another delivery, after Retry-After where it
 * is given; any other 4xx is a reject. A redirect is not followed: it is the target's address that is wrong, so the
 * message stays and is delivered again.
 *
 * @throws what `fetch` throws when the target cannot be reached or `signal` aborts
 */
export async function forward(
  message: Message<unknown>,
  { url, target }: Destination,
  signal: AbortSignal,
): Promise<Settlement> {
  const response = await (target ?? globalThis).fetch(url, {
    method: "POST",
    headers: eventHeaders(message),
    // Typed as a view of any buffer; the one in hand is over an ArrayBuffer, which is what fetch takes.
    body: message.data as Uint8Array<ArrayBuffer>,
    redirect: "manual",
    signal,
  });
  // An unread body holds one of the invocation's six connections.
  await response.body?.cancel();
  return settlementOf(response.status, response.headers.get("Retry-After"), Date.now());
}

/** What the target's answer asks for. `now` is in milliseconds since the epoch. */
export function settlementOf(status: number, retryAfter: string | null, now: number): Settlement {
  if (status >= 200 && status < 300) return { kind: "ack" };
  const asksAgain = status === 408 || status === 425 || status === 429 || status >= 500;
  if (status >= 400 && !asksAgain) return reject(`the target answered ${status}`);
  const delayMs = asksAgain ? parseRetryAfter(retryAfter, now) : undefined;
  return delayMs === undefined ? retry() : retry({ delayMs });
}

/** Retry-After (RFC 9110, 10.2.3): seconds or an HTTP date; to milliseconds from `now`, undefined when it is neither. */
function parseRetryAfter(value: string | null, now: number): number | undefined {
  const text = value?.trim() ?? "";
  if (/^\d+$/.test(text)) return clampRetry(Number(text) * 1_000);
  // Date.parse alone would read "1.5" as a day of 2001.
  return HTTP_DATE.test(text) ? clampRetry(Date.parse(text) - now) : undefined;
}

function clampRetry(delayMs: number): number {
  return Math.min(Math.max(LEAST_RETRY_MS, delayMs), LONGEST_RETRY_MS);
}

/**
 * The event's attributes as headers. A message that is a CloudEvent already (headers `ce-*`, as in the NATS binding) keeps
 * its own; what it lacks is filled in from the delivery.
 */
export function eventHeaders(message: Message<unknown>): Headers {
  const attributes = new Map<string, string>([
    ["ce-specversion", "1.0"],
    ["ce-id", message.id],
    ["ce-source", `/nats/streams/${message.stream}`],
    ["ce-type", EVENT_TYPE],
    ["ce-subject", message.subject],
    ["ce-time", message.timestamp.toISOString()],
    // Extensions: what a target needs to tell a redelivery from a first one.
    ["ce-natsconsumer", message.consumer],
    ["ce-natssequence", String(message.sequence)],
    ["ce-natsdeliverycount", String(message.deliveryCount)],
  ]);
  let contentType: string | undefined;
  for (const [key, [value = ""]] of message.headers) {
    const lower = key.toLowerCase();
    if (lower === "content-type") contentType = value;
    // The HTTP binding has Content-Type for it (3.1.1).
    else if (lower === "ce-datacontenttype") contentType ??= value;
    else if (/^ce-[a-z0-9]+$/.test(lower)) attributes.set(lower, decodeAttribute(value) ?? value);
  }
  const headers = new Headers({ "Content-Type": isHeaderValue(contentType) ? contentType : OPAQUE });
  for (const [key, value] of attributes) headers.set(key, encodeAttribute(value));
  return headers;
}

/** Whether a header can carry it; one that it cannot would fail the message for ever. */
function isHeaderValue(value: string | undefined): value is string {
  return value !== undefined && /^[\t\x20-\x7e]+$/.test(value);
}
