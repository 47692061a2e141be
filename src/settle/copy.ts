// The reserve of a message that has no delivery left, and whose dead letter could not be published:
// a copy at the end of its own stream, with what its dead letter will say. The consumer delivers
// the copy, no handler gets it, and it becomes the dead letter once that can be published. Any
// publisher of the stream can forge such headers: that spares its own message a handler, and no more.
import type { MsgHdrs } from "@nats-io/nats-core";
import type { Deadline } from "../deadline.ts";
import { lacksBody } from "../message/lacks-body.ts";
import type { DeliveredMessage, Message } from "../message/message.ts";
import type { ValueReader } from "../message/value.ts";
import { deadLetterHeaders, isPlainSubject } from "./dead-letter.ts";
import type { Publisher } from "./publish.ts";
import { RejectError } from "./settlement.ts";

/** What a copy says of the message that it stands for. */
export interface Copy {
  /** How many copies there were before it, and this one. From 1. */
  readonly generation: number;
  /** The message's sequence and delivery count; the copy's own where it says nothing that can be. */
  readonly sequence: number;
  readonly deliveries: number;
  readonly reason: string;
}

/** The header that makes a dead letter's message a copy; its value is the copy's generation. */
const COPY = "Sluice-Copy";

/**
 * A dead-letter subject that no stream takes must not fill the message's own stream: each copy
 * stands for the deliveries of a whole max deliver.
 */
const MAX_GENERATION = 100;

/** Whether headers are a copy's, as far as they say; whose it is {@link readCopy} tells. */
export function isCopy(headers: MsgHdrs): boolean {
  return headers.has(COPY);
}

/** A message is a copy only to the consumer that had it copied: to every other it is a message. */
export function readCopy(message: Message<unknown>): Copy | undefined {
  const { headers } = message;
  if (!isOwnDeadLetter(message)) return undefined;
  const generation = readCount(headers.get(COPY), MAX_GENERATION);
  if (generation === undefined) return undefined;
  return {
    generation,
    // The message came before its copy.
    sequence: readCount(headers.get("Sluice-Sequence"), message.sequence - 1) ?? message.sequence,
    deliveries: readCount(headers.get("Sluice-Deliveries"), 1_000_000) ?? message.deliveryCount,
    reason: headers.get("Sluice-Reason"),
  };
}

/** Reads values as `read` does, and has copies rejected, so that no handler gets one. */
export function withoutCopies(read: ValueReader | undefined): ValueReader {
  return (message) => {
    const copy = readCopy(message);
    if (copy) throw new RejectError(copy.reason);
    return read?.(message);
  };
}

/** Whether a message is a dead letter that this very consumer made, or a copy on its way to be one. */
export function isOwnDeadLetter({ headers, stream, consumer }: Message<unknown>): boolean {
  return headers.get("Sluice-Stream") === stream && headers.get("Sluice-Consumer") === consumer;
}

function readCount(text: string, max: number): number | undefined {
  return /^[1-9]\d{0,15}$/.test(text) && Number(text) <= max ? Number(text) : undefined;
}

/** Nobody reads why: its message is exhausted, and is told as that. */
export class NoCopyError extends Error {}

export interface CopyParts {
  readonly publisher: Publisher;
  /** JetStream domain of the stream. */
  readonly domain: string | undefined;
  readonly by: Deadline;
}

/**
 * Publishes a copy to the message's own stream, and resolves with its sequence.
 *
 * @throws {PublishError} when the stream did not take it by then
 * @throws {NoCopyError} when there can be none, or another stream took it
 */
export async function publishCopy(
  message: DeliveredMessage,
  reason: string,
  of: Copy | undefined,
  { publisher, domain, by }: CopyParts,
): Promise<number> {
  const { subject, stream, sequence } = message;
  const generation = (of?.generation ?? 0) + 1;
  const isValue = subject.startsWith("$KV.");
  // Another subject than it is, or one of the server's own.
  const isForeign = !isPlainSubject(subject) || (subject.startsWith("$") && !isValue);
  const { nats } = await publisher.connection();
  const info: { readonly domain?: unknown } = { domain: undefined, ...nats.info }; // not in nats-core's type
  // A stream of the same name, in the domain that the connection is in.
  const isElsewhere = domain !== undefined && info.domain !== domain;
  if (generation > MAX_GENERATION || lacksBody(message) || isForeign || isElsewhere) throw new NoCopyError();
  const headers = deadLetterHeaders(message, reason, new Date(), "whole", of);
  headers.set(COPY, String(generation));
  headers.set("Nats-Expected-Stream", stream);
  // An old value must not become a key's latest.
  if (isValue) headers.set("Nats-Expected-Last-Subject-Sequence", String(sequence));
  const id = `sluice:copy:${crypto.randomUUID()}`;
  const ack = await publisher.publish(subject, message.data, { id, headers }, by);
  if (ack.stream !== stream || ack.sequence <= sequence) throw new NoCopyError();
  return ack.sequence;
}
