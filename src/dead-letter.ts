// Dead letters: publish, wait for the PubAck, and only then may the message be termed.
import { jetstream } from "@nats-io/jetstream";
import { type MsgHdrs, headers as makeHeaders, type NatsConnection } from "@nats-io/nats-core";
import type { Message } from "./message.ts";

/** Where dead letters go. */
export interface DeadLetterOptions {
  /** Subject to publish them to; a stream must take it in, or no dead letter is ever confirmed. */
  readonly subject: string;
  /** A message that failed so many deliveries is a dead letter. Whole number from 1. @default the consumer's max deliver */
  readonly maxDeliveries?: number | undefined;
}

/**
 * Publishes a dead letter and waits for its PubAck; a duplicate is a success, because the id says that it is there already.
 * Rejects when there was none within `timeoutMs`.
 */
export async function publishDeadLetter(
  nats: NatsConnection,
  subject: string,
  message: Message,
  reason: string,
  timeoutMs: number,
): Promise<void> {
  await jetstream(nats).publish(subject, message.data, {
    // One id a message and consumer, whichever delivery or drain gave it up.
    msgID: `sluice:${message.consumer}:${message.id}`,
    headers: deadLetterHeaders(message, reason, new Date()),
    timeout: Math.max(1, timeoutMs),
  });
}

/** The message's own headers without any `Nats-*` (TTL, rollup and expectations would act on the new stream), and where it came from. */
export function deadLetterHeaders(message: Message, reason: string, at: Date): MsgHdrs {
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
