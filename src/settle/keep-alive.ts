// Keeps what is held from being delivered again: "in progress" for every message, every half ack wait.
import { clampDelay } from "../deadline.ts";
import type { Consumer } from "../fetch/consumer.ts";
import type { RawMessage } from "../message/received.ts";
import type { ConsumerFacts } from "../report/facts.ts";
import type { Journal } from "../report/journal.ts";

// nats-server's own default; used where the user may not ask for consumer info.
const DEFAULT_ACK_WAIT_MS = 30_000;
const MIN_INTERVAL_MS = 10;

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
  return Math.max(MIN_INTERVAL_MS, Math.min(...waits) / 2);
}

interface Held {
  held(): RawMessage[];
}

interface Progress {
  inProgress(messages: readonly RawMessage[]): void;
}

/** Tells the server that what is held is in progress, until it is stopped. */
export interface KeepAlive {
  /** An ack wait has ended so many milliseconds after a delivery, or sooner: it is shorter than was known. */
  ackWaitEnded(afterMs: number): void;
  stop(): void;
}

/**
 * Keeps what is held alive from the consumer's answer on. The ack clock runs from delivery, so that
 * queued messages count.
 */
export function keepAlive(consumer: Consumer, pool: Held, outbox: Progress, journal: Journal): KeepAlive {
  let id: ReturnType<typeof setInterval> | undefined;
  let shortestMs = Number.POSITIVE_INFINITY;
  const progress = (): void => {
    const held = pool.held();
    if (held.length > 0 && consumer.answer?.kind === "unknown") journal.note("ack-wait-guessed", "");
    outbox.inProgress(held);
  };
  const every = (intervalMs: number): boolean => {
    if (intervalMs >= shortestMs) return false;
    shortestMs = intervalMs;
    clearInterval(id);
    id = setInterval(progress, clampDelay(intervalMs));
    return true;
  };
  void consumer.answered.then(() => every(keepAliveIntervalMs(consumer.facts)));
  return {
    ackWaitEnded: (afterMs) => {
      // Others are as late as this one was.
      if (every(Math.max(MIN_INTERVAL_MS, afterMs / 2))) progress();
    },
    stop: () => {
      shortestMs = 0;
      clearInterval(id);
    },
  };
}
