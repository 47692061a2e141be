// A message's value: its body decoded by the codec and checked by the schema, before the handler sees it.
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { type CloudEvent, readCloudEvent } from "./cloud-event.ts";
import { InvalidValueError } from "./invalid-value.ts";
import { lacksBody } from "./lacks-body.ts";
import type { DeliveredMessage, Message } from "./message.ts";
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

export interface ValueOptions {
  readonly codec?: Codec | undefined;
  readonly schema?: StandardSchemaV1 | undefined;
}

/**
 * Gives a message its value; a promise where the schema is asynchronous. Throws, or rejects with,
 * an {@link InvalidValueError}.
 */
export type ValueReader = (message: DeliveredMessage) => void | Promise<void>;

/** How values are read; undefined where a value is the bytes, which takes no reading. */
export function valueReader({ codec, schema }: ValueOptions): ValueReader | undefined {
  // A schema with no codec reads JSON: schemas of bytes are rare, and say so.
  const name = codec ?? (schema ? "json" : "bytes");
  if (name === "bytes" && !schema) return undefined;
  const decode = CODECS[name];
  if (!schema) return (message) => message.setValue(decode(message));
  return (message) => {
    const result = schema["~standard"].validate(decode(message));
    // A promise of whatever make: another realm's, or a library's own.
    return "then" in result
      ? Promise.resolve(result).then((late) => accept(message, late))
      : accept(message, result);
  };
}

function accept(message: DeliveredMessage, result: StandardSchemaV1.Result<unknown>): void {
  if (result.issues) throw invalid(message, describeIssues(result.issues));
  message.setValue(result.value);
}

/** No message is to be rejected for a body that was never delivered: it may be as it should. */
function invalid(message: Message<unknown>, reason: string): Error {
  return lacksBody(message) ? new Error("the consumer delivers headers only") : new InvalidValueError(reason);
}

// A dead letter's header holds the reason: enough to find the fault, not a second copy of the schema.
const MAX_ISSUES = 5;

function describeIssues(issues: readonly StandardSchemaV1.Issue[]): string {
  const shown = issues.slice(0, MAX_ISSUES).map(({ path = [], message }) => {
    const keys = path.map((part) => String(typeof part === "object" ? part.key : part));
    return keys.length > 0 ? `${keys.join(".")}: ${message}` : message;
  });
  const more = issues.length - shown.length;
  return `invalid value: ${shown.join("; ")}${more > 0 ? `; and ${more} more` : ""}`;
}

/** The codecs, by name. A body that is none throws, with a reason that does not quote it. */
export const CODECS: { readonly [Name in Codec]: (message: Message<unknown>) => CodecValues[Name] } = {
  bytes: (message) => message.data,
  text: parseText,
  json: parseJson,
  cloudevents: readCloudEvent,
};

function parseText(message: Message<unknown>): string {
  const text = decodeUtf8(message.data);
  if (text === undefined) throw invalid(message, "the body is not UTF-8");
  return text;
}

function parseJson(message: Message<unknown>): unknown {
  // The marker of a value that is gone has none, and is not to be rejected for that.
  if (message.data.length === 0 && message.operation !== "put") return undefined;
  try {
    return message.json();
  } catch {
    // The parser's own message quotes the body.
    throw invalid(message, "the body is not JSON");
  }
}
