// Forwards a message to the target as a CloudEvent (HTTP binding 1.0, binary mode),; what its answer means is the drain's to say.
import type { Message } from "../index.ts";
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
): Promise<Response> {
  const response = await (target ?? globalThis).fetch(url, {
    method: "POST",
    headers: eventHeaders(message),
    // Typed as a view of any buffer; the one in hand is over an ArrayBuffer, which is what fetch takes.
    body: message.data as Uint8Array<ArrayBuffer>,
    redirect: "manual",
    signal,
  });
  // What its status means is decided where every handler's Response is read.
  return response;
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
