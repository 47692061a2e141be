// CloudEvents 1.0 read from a message, in both modes of the NATS binding: attributes in `ce-*` headers, or all in one JSON body.
import { InvalidValueError } from "./invalid-value.ts";
import type { Message } from "./message.ts";

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
  /** Parsed where its content type is JSON, text where it is text, and bytes otherwise; undefined where there is none. */
  readonly data?: Data;
  readonly [extension: string]: unknown;
}

/**
 * The message as a CloudEvent.
 *
 * @throws {InvalidValueError} when it is none: the reason names the attribute that is missing or wrong
 */
export function readCloudEvent(message: Message<unknown>): CloudEvent {
  const contentType = header(message, "content-type");
  const event = contentType?.toLowerCase().startsWith("application/cloudevents")
    ? readStructured(message, contentType)
    : readBinary(message, contentType);
  if (event.specversion !== "1.0") throw new InvalidValueError('not a CloudEvent: specversion is not "1.0"');
  for (const attribute of ["id", "source", "type"]) {
    const value = event[attribute];
    if (typeof value !== "string" || value === "") {
      throw new InvalidValueError(`not a CloudEvent: ${attribute} is missing`);
    }
  }
  return event as CloudEvent; // its required attributes have just been checked
}

type Attributes = Record<string, unknown>;

function readStructured(message: Message<unknown>, contentType: string): Attributes {
  if (!/^application\/cloudevents\+json\b/i.test(contentType)) {
    throw new InvalidValueError(`a CloudEvent in a format that is not JSON: ${contentType.slice(0, 100)}`);
  }
  let body: unknown;
  try {
    body = message.json();
  } catch {
    throw new InvalidValueError("not a CloudEvent: the body is not JSON");
  }
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw new InvalidValueError("not a CloudEvent: the body is not an object");
  }
  const { data_base64: base64, ...event }: Attributes = { ...body };
  return typeof base64 === "string" ? { ...event, data: fromBase64(base64) } : event;
}

function readBinary(message: Message<unknown>, contentType: string | undefined): Attributes {
  const event: Attributes = {};
  for (const [key, [value = ""]] of message.headers) {
    const name = /^ce-([a-z0-9]+)$/i.exec(key)?.[1];
    if (name) event[name.toLowerCase()] = decodeAttribute(value);
  }
  const type = contentType ?? (event.datacontenttype as string | undefined); // a header, so text
  if (type !== undefined) event.datacontenttype = type;
  if (message.data.length > 0) event.data = readData(message, type);
  return event;
}

function readData(message: Message<unknown>, contentType = ""): unknown {
  if (/^(application|text)\/([\w.+-]+\+)?json\b/i.test(contentType)) {
    try {
      return message.json();
    } catch {
      throw new InvalidValueError("not a CloudEvent: its data is not JSON, which its content type says");
    }
  }
  return /^text\//i.test(contentType) ? message.text() : message.data;
}

/** Attributes in headers are percent-encoded (NATS binding, 3.1.3.2); one that is not stays as it is. */
function decodeAttribute(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

function header(message: Message<unknown>, name: string): string | undefined {
  for (const [key, [value]] of message.headers) if (key.toLowerCase() === name) return value;
  return undefined;
}

function fromBase64(text: string): Uint8Array {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    throw new InvalidValueError("not a CloudEvent: data_base64 is not base64");
  }
}
