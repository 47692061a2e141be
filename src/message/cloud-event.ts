// CloudEvents 1.0 read from a message, in both modes of the NATS binding: attributes in `ce-*`
// headers, or all in one JSON body.
import { Match } from "@nats-io/nats-core";
import { decodeAttribute, readAttributes } from "./attributes.ts";
import { InvalidValueError } from "./invalid-value.ts";
import type { Message } from "./message.ts";
import { decodeUtf8 } from "./utf8.ts";

/** A CloudEvent 1.0: the required attributes, the optional ones, extensions by name, and its data. */
export interface CloudEvent<Data = unknown> {
  readonly specversion: "1.0";
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject?: string;
  readonly time?: string;
  readonly datacontenttype?: string;
  readonly dataschema?: string;
  /**
   * Parsed where its content type is JSON, text where it is text in UTF-8, and bytes otherwise;
   * undefined where there is none.
   */
  readonly data?: Data;
  readonly [extension: string]: unknown;
}

type Attributes = Record<string, unknown>;

const REQUIRED = ["id", "source", "type"] as const;
const OPTIONAL = ["subject", "time", "datacontenttype", "dataschema"] as const;

/**
 * The message as a CloudEvent.
 *
 * @throws {InvalidValueError} when it is none: the reason names the attribute that is missing or wrong
 */
export function readCloudEvent(message: Message<unknown>): CloudEvent {
  const contentType = message.headers.get("Content-Type", Match.IgnoreCase) || undefined;
  const event = isStructured(contentType) ? readStructured(message) : readBinary(message, contentType);
  if (event.specversion !== "1.0") throw notAnEvent('specversion is not "1.0"');
  for (const name of REQUIRED) {
    if (typeof event[name] !== "string" || event[name] === "") throw notAnEvent(`${name} is missing`);
  }
  for (const name of OPTIONAL) {
    if (event[name] !== undefined && typeof event[name] !== "string") throw notAnEvent(`${name} is not text`);
  }
  return event as CloudEvent; // its attributes have just been checked
}

/**
 * Whether a content type says that the body is the whole CloudEvent, in structured mode, or a batch of them.
 */
export function isStructured(contentType: string | undefined): boolean {
  return /^application\/cloudevents($|[+-])/.test(essenceOf(contentType ?? ""));
}

/** The type without its parameters. */
function essenceOf(contentType: string): string {
  return (contentType.split(";", 1)[0] ?? "").trim().toLowerCase();
}

function readStructured(message: Message<unknown>): Attributes {
  const essence = essenceOf(message.headers.get("Content-Type", Match.IgnoreCase));
  if (essence !== "application/cloudevents+json") {
    throw new InvalidValueError(`a CloudEvent in a format that is not JSON: ${essence.slice(0, 100)}`);
  }
  const body = parse(message, "the body is not JSON");
  if (typeof body !== "object" || body === null || Array.isArray(body))
    throw notAnEvent("the body is not an object");
  const { data, data_base64: base64, ...attributes }: Attributes = { ...body };
  // JSON format 1.0, 2.2: an attribute that is null is an attribute that is not there.
  const event: Attributes = Object.fromEntries(
    Object.entries(attributes).filter(([, value]) => value !== null),
  );
  if (base64 === undefined || base64 === null) return data === undefined ? event : { ...event, data };
  if (data !== undefined) throw notAnEvent("it has both data and data_base64");
  return { ...event, data: fromBase64(base64) };
}

function readBinary(message: Message<unknown>, contentType: string | undefined): Attributes {
  const event: Attributes = {};
  for (const [name, encoded] of readAttributes(message.headers)) {
    const value = decodeAttribute(encoded);
    if (value === undefined) throw notAnEvent(`${name.slice(0, 100)} is percent-encoded, but not UTF-8`);
    event[name] = value;
  }
  const type = contentType ?? (event.datacontenttype as string | undefined); // a header, so text
  if (type !== undefined) event.datacontenttype = type;
  if (message.data.length > 0) event.data = readData(message, type);
  return event;
}

function readData(message: Message<unknown>, contentType = ""): unknown {
  const essence = essenceOf(contentType);
  if (/^(application|text)\/json$|\+json$/.test(essence)) {
    return parse(message, "its data is not JSON, which its content type says");
  }
  const [, charset = "utf-8"] = /;\s*charset\s*=\s*"?([\w-]+)/i.exec(contentType) ?? [];
  if (!essence.startsWith("text/") || !/^(utf-?8|us-ascii)$/i.test(charset)) return message.data;
  const text = decodeUtf8(message.data);
  if (text === undefined) throw notAnEvent("its data is not UTF-8 text, which its content type says");
  return text;
}

function parse(message: Message<unknown>, failure: string): unknown {
  try {
    return message.json();
  } catch {
    throw notAnEvent(failure);
  }
}

function fromBase64(text: unknown): Uint8Array {
  try {
    if (typeof text === "string") return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    // It is told below.
  }
  throw notAnEvent("data_base64 is not base64");
}

function notAnEvent(why: string): InvalidValueError {
  return new InvalidValueError(`not a CloudEvent: ${why}`);
}
