// A message as it came over the wire: where its parts lie. What is not asked for is not made.
import type { Msg } from "@nats-io/nats-core";
import { decodeName } from "./utf8.ts";

/** What is read of a message, be it nats-core's or a {@link Received}. */
export type RawMessage = Pick<Msg, "subject" | "reply" | "data" | "headers">;

/** Where the parts of a message lie in the bytes that it came in. */
export interface Place {
  readonly subjectAt: number;
  readonly subjectEnd: number;
  /** Where its headers begin; its body, where it has none. */
  readonly payloadAt: number;
  readonly bodyAt: number;
  readonly end: number;
}

/** A message that our own reader took off the wire. */
export class Received implements RawMessage {
  /** Where to answer; empty: nowhere. */
  readonly reply: string;
  readonly #bytes: Uint8Array;
  readonly #place: Place;

  constructor(bytes: Uint8Array, place: Place, reply: string) {
    this.#bytes = bytes;
    this.#place = place;
    this.reply = reply;
  }

  get subject(): string {
    return decodeName(this.#bytes.subarray(this.#place.subjectAt, this.#place.subjectEnd));
  }

  /** A view into the bytes that it came in. */
  get data(): Uint8Array {
    return this.#bytes.subarray(this.#place.bodyAt, this.#place.end);
  }

  /** The bytes of its headers, none where it has none. */
  get headerBlock(): Uint8Array {
    return this.#bytes.subarray(this.#place.payloadAt, this.#place.bodyAt);
  }

  /** As nats-core counts it: subject, reply subject, headers and body. */
  size(): number {
    const { subjectAt, subjectEnd, payloadAt, end } = this.#place;
    return subjectEnd - subjectAt + this.reply.length + end - payloadAt;
  }
}
