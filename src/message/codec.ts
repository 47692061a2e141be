// Codecs: what a message's body is, before a schema has its say.
import { type CloudEvent, readCloudEvent } from "./cloud-event.ts";
import { InvalidValueError } from "./invalid-value.ts";
import type { Message } from "./message.ts";
import { decodeUtf8 } from "./utf8.ts";

/** What each codec makes of a body. */
export interface CodecValues {
  /** The bytes as they are: a view into the frame that they came in. */
  readonly bytes: Uint8Array;
  /** UTF-8, without a byte order mark. Anything else is no text, and is rejected. */
  readonly text: string;
  readonly json: unknown;
  /** An event in binary or in structured mode. */
  readonly cloudevents: CloudEvent;
}

/** The name of a codec. */
export type Codec = keyof CodecValues;

/** The codecs, by name. A body that is none throws, with a reason that does not quote it. */
export const CODECS: { readonly [Name in Codec]: (message: Message<unknown>) => CodecValues[Name] } = {
  bytes: (message) => message.data,
  text: parseText,
  json: parseJson,
  cloudevents: readCloudEvent,
};

function parseText({ data }: Message<unknown>): string {
  const text = decodeUtf8(data);
  if (text === undefined) throw new InvalidValueError("the body is not UTF-8");
  return text;
}

function parseJson(message: Message<unknown>): unknown {
  try {
    return message.json();
  } catch {
    // The parser's own message quotes the body.
    throw new InvalidValueError("the body is not JSON");
  }
}
