// Made-up messages: a few fields given, the rest as a first delivery would have them.
import type { Msg, MsgHdrs } from "@nats-io/nats-core";
import { copyHeaders } from "../message/headers.ts";
import { DeliveredMessage, type Message } from "../message/message.ts";

/** A made-up message of a stream, as one delivery of it. */
export interface FakeMessage {
  readonly subject: string;
  /** The body. @default empty */
  readonly data?: string | Uint8Array;
  /** The body, as JSON of this; in place of `data`. */
  readonly json?: unknown;
  /** By name; several values of one name as an array. @default none */
  readonly headers?: MsgHdrs | Readonly<Record<string, string | readonly string[]>>;
  /** Its sequence in the stream, from 1. @default its place among the messages of the run, the first is 1 */
  readonly sequence?: number;
  /** 1 is the first delivery. @default 1 */
  readonly deliveryCount?: number;
  /** When the stream stored it. @default now */
  readonly timestamp?: Date;
  /**
   * Messages that the consumer has left to deliver after this one. @default those that follow it in the run
   */
  readonly pending?: number;
}

/** What a message takes from its run. */
export interface DeliveryPlace {
  readonly stream: string;
  readonly consumer: string;
  readonly sequence: number;
  readonly pending: number;
}

/** A delivery as a server sends it. */
export interface Delivery {
  readonly subject: string;
  /** The ack subject. */
  readonly reply: string;
  readonly headers: MsgHdrs;
  readonly data: Uint8Array;
  readonly sequence: number;
  readonly deliveryCount: number;
  readonly timestamp: Date;
}

/** What a message has beyond {@link FakeMessage} when a handler is called with it directly. */
export interface FakeMessageOptions<Value> extends FakeMessage {
  /** @default "STREAM" */
  readonly stream?: string;
  /** @default "consumer" */
  readonly consumer?: string;
  /** What the drain's codec and schema would have made of the body. @default the bytes */
  readonly value?: Value;
}

/**
 * A message to call a handler with directly. `testDrain()` takes the same fields and does more: it
 * reads the body as the drain's codec and schema say, and settles.
 *
 * @example
 * const { deliveryCount } = fakeMessage({ subject: "orders.new", json: { total: 1 } }); // 1
 *
 * @throws {TypeError} when both `data` and `json` are given
 */
export function fakeMessage<Value = Uint8Array>(fields: FakeMessageOptions<Value>): Message<Value> {
  const { stream = "STREAM", consumer = "consumer" } = fields;
  const delivery = makeDelivery(fields, { stream, consumer, sequence: 1, pending: 0 });
  const message = new DeliveredMessage(toMsg(delivery));
  if (fields.value !== undefined) message.setValue(fields.value);
  return message as Message<Value>; // its value is the one given, or the bytes that are the default of Value
}

/** @throws {TypeError} when both `data` and `json` are given */
export function makeDelivery(fields: FakeMessage, place: DeliveryPlace): Delivery {
  const {
    sequence = place.sequence,
    deliveryCount = 1,
    timestamp = new Date(),
    pending = place.pending,
  } = fields;
  const from = `$JS.ACK.${place.stream}.${place.consumer}`;
  const nanos = `${timestamp.getTime()}000000`;
  return {
    subject: fields.subject,
    reply: `${from}.${deliveryCount}.${sequence}.${sequence}.${nanos}.${pending}`,
    headers: copyHeaders(fields.headers),
    data: readBody(fields),
    sequence,
    deliveryCount,
    timestamp,
  };
}

/** The delivery as nats-core would give it; an answer to it goes nowhere. */
export function toMsg({ subject, reply, headers, data }: Delivery): Msg {
  const text = (): string => new TextDecoder().decode(data);
  return {
    subject,
    reply,
    headers,
    data,
    sid: 0,
    respond: () => false,
    string: text,
    json: () => JSON.parse(text()),
  };
}

function readBody({ data, json }: FakeMessage): Uint8Array {
  if (data !== undefined && json !== undefined)
    throw new TypeError("data: cannot be given together with json");
  if (data instanceof Uint8Array) return data;
  return new TextEncoder().encode(data ?? (json === undefined ? "" : JSON.stringify(json)));
}
