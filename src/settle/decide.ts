// What becomes of a message: from how its handler ended and which delivery this is, to what is
// asked of the server. Pure.
import type { RetryDelay, Settlement } from "./settlement.ts";

/** How a message's turn in the drain ended. */
export type TurnEnd =
  | Settlement
  /** No handler has started it: the budget ended, or the drain stopped. */
  | { readonly kind: "release"; readonly waitMs: number }
  /** Its handler was cut off by the end of the budget or an abort, which is no failure of its own. */
  | { readonly kind: "cut"; readonly waitMs: number };

/** What to do with a message. */
export type Action =
  | { readonly op: "ack" }
  | { readonly op: "nak"; readonly waitMs: number; readonly as: "retried" | "released" | "exhausted" }
  /** Never deliver it again: through the dead-letter subject where there is one. */
  | { readonly op: "discard"; readonly reason: string };

export interface Deliveries {
  /** Of this delivery; 1 is the first. */
  readonly count: number;
  /** The consumer's max deliver; undefined: no limit, or not known. */
  readonly max: number | undefined;
  /** After so many failures a message is a dead letter; undefined: there is no dead-letter subject. */
  readonly deadLetterAfter: number | undefined;
}

/**
 * What a turn's end asks for. A nak of the last delivery gives a message away, so it is told apart
 * as `exhausted`.
 */
export function decide(end: TurnEnd, deliveries: Deliveries, retryDelay: RetryDelay): Action {
  const { count, max = Number.POSITIVE_INFINITY, deadLetterAfter } = deliveries;
  const isLast = count >= max;
  switch (end.kind) {
    case "ack":
      return { op: "ack" };
    case "reject":
      return { op: "discard", reason: end.reason };
    case "retry":
      if (deadLetterAfter !== undefined && count >= Math.min(deadLetterAfter, max)) {
        return { op: "discard", reason: `failed at delivery ${count}` };
      }
      return { op: "nak", waitMs: end.delayMs ?? retryDelay(count), as: isLast ? "exhausted" : "retried" };
    case "release":
    case "cut":
      // Nothing failed, so only the server's own limit counts, and never `maxDeliveries`.
      if (isLast && deadLetterAfter !== undefined) return { op: "discard", reason: CUT_REASONS[end.kind] };
      if (isLast) return { op: "nak", waitMs: end.waitMs, as: "exhausted" };
      return { op: "nak", waitMs: end.waitMs, as: end.kind === "cut" ? "retried" : "released" };
    default:
      return end satisfies never;
  }
}

const CUT_REASONS = {
  release: "the drain ended before a handler started",
  cut: "the drain ended before the handler did",
} as const;

/**
 * The delay to ask for, so that a message of that delivery count waits `waitMs`. With `backoff`
 * nats-server adds the difference between the delivery's own step and the first (measured on 2.9.10
 * and 2.15.1): a wait below that cannot be had.
 */
export function delayOnWire(waitMs: number, deliveryCount: number, backoffMs: readonly number[]): number {
  const [first = 0] = backoffMs;
  const step = backoffMs[Math.min(deliveryCount, backoffMs.length) - 1] ?? first;
  return Math.max(0, waitMs - (step - first));
}
