// Dead letters: publish, wait for the PubAck, and only then may the message be termed.
import { type MsgHdrs, headers as makeHeaders } from "@nats-io/nats-core";
import type { Deadline } from "../deadline.ts";
import type { Message } from "../message/message.ts";
import type { Publisher } from "./publish.ts";

/** Where dead letters go. */
export interface DeadLetterOptions {
  /** Subject to publish them to; a stream must take it in, or no dead letter is ever confirmed. */
  readonly subject: string;
  /** A message that failed so many deliveries is a dead letter. Whole number from 1. @default the consumer's max deliver */
  readonly maxDeliveries?: number | undefined;
}

/**
 * Publishes a dead letter and waits for its PubAck; a duplicate is a success, because the id says that it is there already.
 * Retried until `deadline`.
 *
 * @throws {PublishError} when there was none by then
 */
export async function publishDeadLetter(
  publisher: Publisher,
  subject: string,
  message: Message<unknown>,
  reason: string,
  deadline: Deadline,
): Promise<void> {
  // One id a message and consumer, whichever delivery or drain gave it up; the time tells a stream made anew from the old.
  const id = `sluice:${message.consumer}:${message.id}:${message.timestamp.getTime()}`;
  const headers = deadLetterHeaders(message, reason, new Date());
  await publisher.publish(subject, message.data, { id, headers }, deadline);
}

/** The message's own headers without any `Nats-*` (TTL, rollup and expectations would act on the new stream), and where it came from. */
export function deadLetterHeaders(message: Message<unknown>, reason: string, at: Date): MsgHdrs {
  const headers = makeHeaders();
  for (const [key, values] of message.headers) {
    if (/^nats-/i.test(key)) continue;
    for (const value of values) headers.append(key, value);
  }
  headers.set("Sluice-Subject", message.subject);
  headers.set("Sluice-Stream", message.stream);
  headers.set("Sluice-Sequence", String(message.sequence));
  headers.set("Sluice-Consumer", message.consumer);
  headers.set("Sluice-Deliveries", String(message.deliveryCount));
  // A header is one line.
  headers.set("Sluice-Reason", String(reason).replace(/\s+/g, " ").slice(0, 1_000));
  headers.set("Sluice-Time", at.toISOString());
  return headers;
}
