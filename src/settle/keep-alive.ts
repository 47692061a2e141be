// Keeps what is held from being delivered again: "in progress" for every message, every half ack wait.
import { clampDelay } from "../deadline.ts";
import type { Consumer } from "../fetch/consumer.ts";
import type { RawMessage } from "../message/received.ts";
import type { ConsumerFacts } from "../report/facts.ts";
import type { Journal } from "../report/journal.ts";

// nats-server's own default; used where the user may not ask for consumer info.
const DEFAULT_ACK_WAIT_MS = 30_000;

/**
 * How often, in milliseconds: half the shortest time that the server waits, for an ack or for any
 * activity at all before it deletes the consumer (InactiveThreshold). With `backoff` its shortest
 * step stands in for ack wait, delivery by delivery.
 */
export function keepAliveIntervalMs(consumer: ConsumerFacts | undefined): number {
  const waits = consumer?.backoffMs.length
    ? [...consumer.backoffMs]
    : [consumer?.ackWaitMs ?? DEFAULT_ACK_WAIT_MS];
  if (consumer && consumer.inactiveThresholdMs > 0) waits.push(consumer.inactiveThresholdMs);
  return Math.max(10, Math.min(...waits) / 2);
}

interface Held {
  held(): RawMessage[];
}

interface Progress {
  inProgress(messages: readonly RawMessage[]): void;
}

/**
 * Keeps what is held alive from the consumer's answer on, until the function returned is called.
 * The ack clock runs from delivery, so that queued messages count.
 */
export function keepAlive(consumer: Consumer, pool: Held, outbox: Progress, journal: Journal): () => void {
  let id: ReturnType<typeof setInterval> | undefined;
  let ended = false;
  void consumer.answered.then(({ kind }) => {
    if (ended) return;
    const progress = (): void => {
      const held = pool.held();
      if (held.length > 0 && kind === "unknown") journal.note("ack-wait-guessed", "");
      outbox.inProgress(held);
    };
    id = setInterval(progress, clampDelay(keepAliveIntervalMs(consumer.facts)));
  });
  return () => {
    ended = true;
    clearInterval(id);
  };
}
