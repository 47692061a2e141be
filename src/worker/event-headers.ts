// A message's headers for the target: CloudEvents 1.0 over HTTP, binary mode. What is trusted of them,
// and who says it:
//
// - `Idempotency-Key`, `ce-specversion` and every `ce-nats*` are the delivery's. No header of a
//   message changes them, so the key, `<stream>:<sequence>`, is the same for each delivery of one
//   message and never another message's.
// - `ce-id`, `ce-source`, `ce-type`, `ce-subject`, `ce-time` and extensions are the publisher's, where
//   it sent valid ones, and the delivery's otherwise. Never taken from a publisher are an id and a
//   source of the delivery's own forms, `<stream>:…` and `/nats/streams/…`: with them an event could
//   pass for another message's. That two publishers' ids differ is theirs to see to.
// - A CloudEvent in structured mode (`application/cloudevents…`) goes out as it is: its attributes are
//   in its body, so no `ce-*` stands beside it. `Idempotency-Key` does.
//
// Headers have limits in every target (nginx and Apache 8 KiB a line, Node 16 KiB in all), and
// percent-encoding can triple a value. What does not fit is left out, extensions first, and named in
// `Sluice-Dropped`. What CloudEvents requires and what the delivery says always fits, but for a
// subject above MAX_VALUE_LENGTH.
import { Match } from "@nats-io/nats-core";
import type { Message } from "../index.ts";
import { decodeAttribute, encodeAttribute, readAttributes } from "../message/attributes.ts";
import { isStructured } from "../message/cloud-event.ts";

const MAX_VALUE_LENGTH = 2_048;
/** Beside what fetch itself sends, below Node's 16 KiB. */
const MAX_TOTAL_LENGTH = 12_288;
const MAX_DROPPED_NAMES = 20;
const MAX_DROPPED_NAME_LENGTH = 40;

/** Content type of a message that names none. */
const OPAQUE = "application/octet-stream";
/** Type of the events that say nothing of their own. */
const EVENT_TYPE = "io.nats.jetstream.message";
/** Of the delivery's sources: the stream's name follows. */
const SOURCE = "/nats/streams/";
const NOWHERE = "http://x.invalid";
const RFC3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/i;

/** Attributes that have their own place, or are the delivery's. */
const NO_EXTENSION = /^(nats.*|specversion|id|source|type|subject|time|datacontenttype)$/;

/** What is the same for each message of a drain, made once. */
export interface EventConstants {
  /** What every id and key begins with. */
  readonly key: string;
  readonly source: string;
  /** Headers that never differ, and their length. */
  readonly own: Readonly<Record<string, string>>;
  readonly ownLength: number;
  readonly forwarded: ReadonlySet<string>;
}

export function eventConstants(
  stream: string,
  consumer: string,
  forwarded: readonly string[],
): EventConstants {
  const name = encodeAttribute(stream);
  const own = {
    "ce-specversion": "1.0",
    "ce-natsstream": name,
    "ce-natsconsumer": encodeAttribute(consumer),
  };
  return {
    key: `${name}:`,
    source: `${SOURCE}${name}`,
    own,
    ownLength: Object.entries(own).reduce((sum, [key, value]) => sum + lengthOf(key, value), 0),
    forwarded: new Set(forwarded),
  };
}

/**
 * The headers of the request. Never throws, whatever the message holds.
 *
 * An object, as workerd makes a request of one in two thirds of the time that it takes with a `Headers`,
 * and in a third of that with pairs (November 2026).
 */
export function eventHeaders(message: Message<unknown>, constants: EventConstants): Record<string, string> {
  const { headers } = message;
  const attributes = readAttributes(headers);
  const type =
    printable(headers.get("Content-Type", Match.IgnoreCase)) ??
    // The HTTP binding has Content-Type for it (3.1.1).
    printable(attributes.get("datacontenttype") ?? "");
  const isWhole = type !== undefined && type.length <= MAX_VALUE_LENGTH && isStructured(type);
  const sent = isWhole ? new Sent({}, 0) : new Sent({ ...constants.own }, constants.ownLength);
  const id = `${constants.key}${message.sequence}`;
  sent.add("Idempotency-Key", id);
  if (type === undefined || !sent.add("Content-Type", type)) sent.add("Content-Type", OPAQUE);
  const extensions = isWhole ? [] : addEvent(sent, message, constants, attributes, id);
  addForwarded(sent, message, constants.forwarded);
  for (const [name, value] of extensions) sent.add(`ce-${name}`, value);
  return sent.all();
}

/**
 * The delivery's attributes, then the event's. Gives the publisher's extensions, encoded, for the
 * room that is left.
 */
function addEvent(
  sent: Sent,
  message: Message<unknown>,
  { key, source }: EventConstants,
  attributes: ReadonlyMap<string, string>,
  id: string,
): readonly (readonly [name: string, value: string])[] {
  const subject = encodeAttribute(message.subject);
  sent.add("ce-natssequence", String(message.sequence));
  // Tells a redelivery from a first one.
  sent.add("ce-natsdeliverycount", String(message.deliveryCount));
  // Tells the marker of a value that is gone from an empty one.
  sent.add("ce-natsoperation", message.operation);
  // The publisher may write anything into ce-subject; the server let it publish to this one.
  sent.add("ce-natssubject", subject);

  const context = (name: string, otherwise: string, valid?: (value: string) => boolean): void => {
    const theirs = encodedAgain(attributes.get(name) ?? "");
    // Of one too long is not asked what it looks like: that takes a second for 60 KB of accents.
    const isTheirs = theirs !== "" && (theirs.length > MAX_VALUE_LENGTH || valid?.(theirs) !== false);
    if (!isTheirs || !sent.add(`ce-${name}`, theirs)) sent.add(`ce-${name}`, otherwise);
  };
  context("id", id, (theirs) => !looksLike(theirs, key));
  context("source", source, (theirs) => !looksLike(theirs, SOURCE) && !looksLike(pathOf(theirs), SOURCE));
  context("type", EVENT_TYPE);
  context("subject", subject);
  context("time", message.timestamp.toISOString(), isTime);
  if (attributes.size === 0) return [];
  const extensions = [...attributes].filter(([name]) => !NO_EXTENSION.test(name));
  return extensions.map(([name, value]) => [name, encodedAgain(value)] as const);
}

/** Of several headers for one name the first counts, as of attributes. */
function addForwarded(sent: Sent, { headers }: Message<unknown>, forwarded: ReadonlySet<string>): void {
  const seen = new Set<string>();
  for (const name of headers.keys()) {
    const lower = name.toLowerCase();
    if (!forwarded.has(lower) || seen.has(lower)) continue;
    seen.add(lower);
    const value = printable(headers.values(name).join(", "));
    if (value === undefined) sent.drop(lower);
    else sent.add(lower, value);
  }
}

/**
 * Whether an encoded value could pass for one of the delivery's own that begins so, at a target that
 * trims what it reads, or compares it without regard to case, accents and what cannot be seen, as many
 * databases do.
 */
function looksLike(value: string, own: string): boolean {
  const [text, start] = [asRead(value), asRead(own)];
  return text.startsWith(start) || (BEYOND_ASCII.test(text + start) && beginsAlike(text, start));
}

const BEYOND_ASCII = /[^\0-\x7f]/;

function asRead(encoded: string): string {
  const text = decodeAttribute(encoded) ?? encoded;
  return text
    .normalize("NFKD")
    .replace(/[\p{M}\p{C}\p{DI}]/gu, "")
    .toLowerCase()
    .trimStart();
}

/**
 * By the order of letters that such databases have (UCA), to which an \u00d8 is an O, and a \u00df is two
 * letters. Text that goes on comes later in it.
 */
function beginsAlike(text: string, start: string): boolean {
  inOrder ??= new Intl.Collator("und", { sensitivity: "base" });
  const letters = [...text];
  let [low, high] = [0, Math.min(letters.length, 2 * start.length)];
  let order = -1;
  while (low < high) {
    const end = (low + high) >> 1;
    const compared = inOrder.compare(letters.slice(0, end + 1).join(""), start);
    if (compared < 0) low = end + 1;
    else [high, order] = [end, compared];
  }
  return order === 0;
}

let inOrder: Intl.Collator | undefined;

/** The path of a reference without a host, as it is without the dots in it. */
function pathOf(reference: string): string {
  if (!URL.canParse(reference, NOWHERE)) return "";
  const { origin, pathname } = new URL(reference, NOWHERE);
  return origin === NOWHERE ? pathname : "";
}

/** A time that there is. */
function isTime(value: string): boolean {
  return RFC3339.test(value) && !Number.isNaN(Date.parse(value));
}

/** As the HTTP binding has it: some SDKs do not encode, or encode what need not be. */
function encodedAgain(value: string): string {
  return encodeAttribute(decodeAttribute(value) ?? value);
}

/** The value if a header can carry it; one that it cannot would fail the message for ever. */
function printable(value: string): string | undefined {
  return /^[\t\x20-\x7e]+$/.test(value) && value.trim() !== "" ? value.trim() : undefined;
}

function lengthOf(name: string, value: string): number {
  return name.length + value.length + 4; // ": " and the line's end
}

/** What is sent, within its bounds. */
class Sent {
  readonly #headers: Record<string, string>;
  readonly #dropped: string[] = [];
  #length: number;

  constructor(headers: Record<string, string>, length: number) {
    this.#headers = headers;
    this.#length = length;
  }

  /** Whether it fits; one that does not is named. */
  add(name: string, value: string): boolean {
    const length = lengthOf(name, value);
    if (value.length > MAX_VALUE_LENGTH || this.#length + length > MAX_TOTAL_LENGTH) {
      this.drop(name);
      return false;
    }
    this.#length += length;
    this.#headers[name] = value;
    return true;
  }

  drop(name: string): void {
    this.#dropped.push(name.slice(0, MAX_DROPPED_NAME_LENGTH));
  }

  all(): Record<string, string> {
    const more = this.#dropped.length - MAX_DROPPED_NAMES;
    const names = this.#dropped.slice(0, MAX_DROPPED_NAMES).join(", ");
    if (names !== "") this.#headers["Sluice-Dropped"] = more > 0 ? `${names}, and ${more} more` : names;
    return this.#headers;
  }
}
