// A message's headers for the target: CloudEvents 1.0 over HTTP, binary mode. What is trusted of them,
// and whose word it is:
//
// - `Idempotency-Key`, `ce-specversion` and every `ce-nats*` are the delivery's. No header of a
//   message changes them, so the key, `<stream>:<sequence>`, is the same for each delivery of one
//   message and never another message's.
// - `ce-id`, `ce-source`, `ce-type`, `ce-subject`, `ce-time` and extensions are the publisher's, where
//   it sent valid ones, and the delivery's otherwise. An id of the delivery's own form, `<stream>:…`,
//   is never taken from a publisher; that two publishers' ids differ is theirs to see to.
// - A CloudEvent in structured mode (`application/cloudevents…`) goes out as it is: its attributes are
//   in its body, so no `ce-*` stands beside it. `Idempotency-Key` does.
//
// Headers have limits in every target (nginx and Apache 8 KiB a line, Node 16 KiB in all), and
// percent-encoding can triple a value. What does not fit is left out, extensions first, and named in
// `Sluice-Dropped`.
import type { Message } from "../index.ts";
import { decodeAttribute, encodeAttribute } from "../message/attributes.ts";
import { invalidVar } from "./vars.ts";

const MAX_VALUE_LENGTH = 4_096;
const MAX_TOTAL_LENGTH = 8_192;
const MAX_DROPPED_NAMES = 20;
const MAX_DROPPED_NAME_LENGTH = 40;

/** Content type of a message that names none. */
const OPAQUE = "application/octet-stream";
/** Type of the events that say nothing of their own. */
const EVENT_TYPE = "io.nats.jetstream.message";
const STRUCTURED = /^application\/cloudevents\s*($|[+;-])/i;
const RFC3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/i;

/** A trace goes on through the target (W3C Trace Context, and Baggage). */
const ALWAYS_FORWARDED = ["traceparent", "tracestate", "baggage"];
// What frames the request, or is this file's own.
const NEVER_FORWARDED = new RegExp(
  "^(ce-.*|content-(type|length|encoding)|host|connection|keep-alive|transfer-encoding|upgrade|te|trailer" +
    "|expect|proxy-.*|idempotency-key|sluice-dropped)$",
);

export type HeaderPairs = [name: string, value: string][];

/** What is the same for each message of a drain, made once. */
export interface EventConstants {
  readonly source: string;
  readonly stream: string;
  readonly consumer: string;
  readonly forwarded: ReadonlySet<string>;
}

/**
 * The names of FORWARD_HEADERS in lower case, and those that always go.
 *
 * @throws {TypeError} one is no name of a header, or is not a message's to set
 */
export function forwardedNames(names: readonly string[]): readonly string[] {
  const lower = names.map((name) => name.toLowerCase());
  if (!lower.every((name) => /^[\w!#$%&'*+.^`|~-]+$/.test(name)))
    throw invalidVar("FORWARD_HEADERS", "must be a comma list of header names");
  if (lower.some((name) => NEVER_FORWARDED.test(name)))
    throw invalidVar("FORWARD_HEADERS", "has a name that frames the request, or that the Worker sets itself");
  return [...ALWAYS_FORWARDED, ...lower];
}

export function eventConstants(
  stream: string,
  consumer: string,
  forwarded: readonly string[],
): EventConstants {
  return {
    source: encodeAttribute(`/nats/streams/${stream}`),
    stream: encodeAttribute(stream),
    consumer: encodeAttribute(consumer),
    forwarded: new Set(forwarded),
  };
}

/**
 * The headers of the request, as pairs: they cost less to make than a `Headers`. Never throws,
 * whatever the message holds.
 */
export function eventHeaders(message: Message<unknown>, constants: EventConstants): HeaderPairs {
  const given = readGiven(message, constants.forwarded);
  const sent = new Sent();
  const contentType = given.contentType;
  if (!sent.add("Content-Type", contentType ?? OPAQUE)) sent.add("Content-Type", OPAQUE);
  const sequence = String(message.sequence);
  sent.add("Idempotency-Key", `${constants.stream}:${sequence}`);
  const structured = contentType !== undefined && STRUCTURED.test(contentType);
  if (!structured) addAttributes(sent, message, constants, given, sequence);
  for (const [name, value] of given.forwarded) sent.add(name, value);
  if (!structured) for (const [name, value] of given.attributes) sent.add(name, value);
  return sent.pairs();
}

function addAttributes(
  sent: Sent,
  message: Message<unknown>,
  { source, stream, consumer }: EventConstants,
  given: Given,
  sequence: string,
): void {
  const { attributes } = given;
  const own = (name: string, valid: (value: string) => boolean, otherwise: string): void => {
    const theirs = attributes.get(name);
    attributes.delete(name);
    const taken = theirs !== undefined && theirs !== "" && valid(theirs) && sent.add(name, theirs);
    if (!taken) sent.add(name, otherwise);
  };
  const always = (): boolean => true;
  const key = `${stream}:`;
  sent.add("ce-specversion", "1.0");
  own("ce-id", (id) => !id.startsWith(key), key + sequence);
  own("ce-source", always, source);
  own("ce-type", always, EVENT_TYPE);
  sent.add("ce-natsstream", stream);
  sent.add("ce-natssequence", sequence);
  sent.add("ce-natsconsumer", consumer);
  // Tells a redelivery from a first one.
  sent.add("ce-natsdeliverycount", String(message.deliveryCount));
  // Tells the marker of a value that is gone from an empty one.
  sent.add("ce-natsoperation", message.operation);
  const subject = encodeAttribute(message.subject);
  // The publisher may write anything into ce-subject; the server let it publish to this one.
  sent.add("ce-natssubject", subject);
  own("ce-subject", always, subject);
  own("ce-time", (time) => RFC3339.test(time), message.timestamp.toISOString());
}

interface Given {
  contentType: string | undefined;
  /** By header name, encoded, without those that are never the publisher's. */
  readonly attributes: Map<string, string>;
  readonly forwarded: HeaderPairs;
}

/** What a message's own headers say. Of several headers for one attribute the first counts. */
function readGiven(message: Message<unknown>, forwarded: ReadonlySet<string>): Given {
  const given: Given = { contentType: undefined, attributes: new Map(), forwarded: [] };
  let dataContentType: string | undefined;
  for (const [name, values] of message.headers) {
    const lower = name.toLowerCase();
    const [value = ""] = values;
    if (lower === "content-type") given.contentType ??= printable(value);
    // The HTTP binding has Content-Type for it (3.1.1).
    else if (lower === "ce-datacontenttype") dataContentType ??= printable(value);
    else if (/^ce-(?!nats|data$|specversion$)[a-z0-9]+$/.test(lower)) {
      if (!given.attributes.has(lower))
        given.attributes.set(lower, encodeAttribute(decodeAttribute(value) ?? value));
    } else if (forwarded.has(lower)) {
      const all = printable(values.join(", "));
      if (all !== undefined) given.forwarded.push([lower, all]);
    }
  }
  given.contentType ??= dataContentType;
  return given;
}

/** The value if a header can carry it; one that it cannot would fail the message for ever. */
function printable(value: string): string | undefined {
  return /^[\t\x20-\x7e]+$/.test(value) && value.trim() !== "" ? value.trim() : undefined;
}

/** What is sent, within its bounds. */
class Sent {
  readonly #pairs: HeaderPairs = [];
  readonly #dropped: string[] = [];
  #length = 0;

  /** Whether it fits; one that does not is named. */
  add(name: string, value: string): boolean {
    // ": " and the line's end.
    const length = name.length + value.length + 4;
    if (value.length > MAX_VALUE_LENGTH || this.#length + length > MAX_TOTAL_LENGTH) {
      this.#dropped.push(name.slice(0, MAX_DROPPED_NAME_LENGTH));
      return false;
    }
    this.#length += length;
    this.#pairs.push([name, value]);
    return true;
  }

  pairs(): HeaderPairs {
    const more = this.#dropped.length - MAX_DROPPED_NAMES;
    const names = this.#dropped.slice(0, MAX_DROPPED_NAMES).join(", ");
    if (names !== "") this.#pairs.push(["Sluice-Dropped", more > 0 ? `${names}, and ${more} more` : names]);
    return this.#pairs;
  }
}
