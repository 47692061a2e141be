// A delivery as the handler sees it. Its ack subject carries all of its metadata, which is read
// when it is asked for.

import { type DeliveryInfo, parseAckSubject } from "./ack-subject.ts";
import { type MessageHeaders, readHeaders } from "./headers.ts";
import { type Operation, readOperation } from "./operation.ts";
import type { RawMessage } from "./received.ts";
import { decodeLossy, decodeUtf8 } from "./utf8.ts";

/** One delivery of one message of the stream. `Value` is what its codec and schema make of the body. */
export interface Message<Value = Uint8Array> {
  /** `${stream}:${sequence}`: the same for every delivery of this message, so a key for idempotency. */
  readonly id: string;
  readonly subject: string;
  /** The body. A view into the frame that it came in: copy it to keep it beyond the handler. */
  readonly data: Uint8Array;
  /** The body as the drain's codec and schema gave it; the bytes where there is neither. */
  readonly value: Value;
  /**
   * The body as text. What is not UTF-8 is U+FFFD, and a byte order mark is left out: the drain's
   * `codec: "text"` is strict.
   */
  text(): string;
  /**
   * The body parsed as JSON. `T` is what the caller claims; nothing checks it. Without it this is
   * `unknown`, never what its place asks for: what a publisher sent cannot pass for what a handler
   * returns.
   *
   * @throws {SyntaxError} when it is none, or not UTF-8
   */
  json(): unknown;
  /** The body parsed, as the type that the caller claims: nothing checks it; `schema` does. */
  json<T>(): T;
  /** Read when they are asked for. What no client could carry is left out, and named in `headers.dropped`. */
  readonly headers: MessageHeaders;
  /**
   * Whether it is a value or the marker of one that is gone, which has no body either. By its
   * headers; `put` without any.
   */
  readonly operation: Operation;
  readonly stream: string;
  readonly consumer: string;
  /** The message's sequence in the stream. */
  readonly sequence: number;
  /** 1 for the first delivery. */
  readonly deliveryCount: number;
  readonly redelivered: boolean;
  /** When the stream stored it, to the millisecond. */
  readonly timestamp: Date;
  /** Messages that the consumer had left to deliver after this one. */
  readonly pending: number;
}

/** The message of a delivery. */
export class DeliveredMessage implements Message<unknown> {
  readonly #msg: RawMessage;
  #info: DeliveryInfo | undefined;
  #headers: MessageHeaders | undefined;
  #value: unknown;
  #hasValue = false;

  constructor(msg: RawMessage) {
    this.#msg = msg;
  }

  get #delivery(): DeliveryInfo {
    this.#info ??= parseAckSubject(this.#msg.reply ?? "");
    return this.#info;
  }

  get id(): string {
    return `${this.stream}:${this.sequence}`;
  }
  get subject(): string {
    return this.#msg.subject;
  }
  get data(): Uint8Array {
    return this.#msg.data;
  }
  get value(): unknown {
    return this.#hasValue ? this.#value : this.#msg.data;
  }
  setValue(value: unknown): void {
    this.#value = value;
    this.#hasValue = true;
  }
  text(): string {
    return decodeLossy(this.#msg.data);
  }
  json(): unknown;
  json<T>(): T;
  json(): unknown {
    const text = decodeUtf8(this.#msg.data);
    if (text === undefined) throw new SyntaxError("the body is not UTF-8, so it is not JSON");
    return JSON.parse(text);
  }
  get headers(): MessageHeaders {
    this.#headers ??= readHeaders(this.#msg);
    return this.#headers;
  }
  get operation(): Operation {
    return readOperation(this.headers);
  }
  get stream(): string {
    return this.#delivery.stream;
  }
  get consumer(): string {
    return this.#delivery.consumer;
  }
  get sequence(): number {
    return this.#delivery.sequence;
  }
  get deliveryCount(): number {
    return this.#delivery.deliveryCount;
  }
  get redelivered(): boolean {
    return this.#delivery.deliveryCount > 1;
  }
  get timestamp(): Date {
    return new Date(this.#delivery.timestampMs);
  }
  /** {@link timestamp} to the nanosecond. */
  get timestampNanos(): string {
    return this.#delivery.timestampNanos;
  }
  get pending(): number {
    return this.#delivery.pending;
  }
}
