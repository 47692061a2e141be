// Keeps what is held from being delivered again: "in progress" for every message, every half ack wait.
import type { Msg } from "@nats-io/nats-core";
import { clampDelay } from "../deadline.ts";
import type { ConsumerFacts } from "../fetch/consumer.ts";

// nats-server's own default; used where the user may not ask for consumer info.
const DEFAULT_ACK_WAIT_MS = 30_000;

/**
 * How often, in milliseconds: half the shortest time that the server waits, for an ack or for any activity at all before it
 * deletes the consumer (InactiveThreshold). With `backoff` its shortest step stands in for ack wait, delivery by delivery.
 */
export function keepAliveIntervalMs(consumer: ConsumerFacts | undefined): number {
  const waits = consumer?.backoffMs.length
    ? [...consumer.backoffMs]
    : [consumer?.ackWaitMs ?? DEFAULT_ACK_WAIT_MS];
  if (consumer && consumer.inactiveThresholdMs > 0) waits.push(consumer.inactiveThresholdMs);
  return Math.max(10, Math.min(...waits) / 2);
}

/** Calls `progress` for every held message at that interval, from now on. The ack clock runs from delivery, so queued messages count. */
export function keepAlive(
  intervalMs: number,
  held: () => readonly Msg[],
  progress: (msg: Msg) => void,
): { stop(): void } {
  const id = setInterval(() => held().forEach(progress), clampDelay(intervalMs));
  return { stop: () => clearInterval(id) };
}
