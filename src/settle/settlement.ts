// Settlements: what a handler's result means, and how long a message waits before it comes again. Pure.

/** What a handler may return. Nothing at all is an ack. */
export type Settlement =
  /** `cause`: the error behind it, for the drain's `onError` and the report's findings. */
  | { readonly kind: "ack"; readonly cause?: unknown }
  | { readonly kind: "retry"; readonly delayMs?: number; readonly cause?: unknown }
  | { readonly kind: "reject"; readonly reason: string };

/** The message is done; the same as returning nothing. */
export function ack(): Settlement {
  return { kind: "ack" };
}

/**
 * The message is to be delivered again, after `delayMs` milliseconds (from 0) or, without it, after the drain's `retryDelay`.
 *
 * @throws {RangeError} when `delayMs` is negative or not finite
 */
export function retry(options: { readonly delayMs?: number } = {}): Settlement {
  const { delayMs } = options;
  if (delayMs === undefined) return { kind: "retry" };
  if (!Number.isFinite(delayMs) || delayMs < 0)
    throw new RangeError(`delayMs: must be at least 0 ms, not ${delayMs}`);
  return { kind: "retry", delayMs };
}

/** The message will never succeed: to the dead-letter subject if there is one, and never delivered again. */
export function reject(reason: string): Settlement {
  return { kind: "reject", reason };
}

/** Milliseconds to wait before the next delivery of a message that was delivered `deliveryCount` times (1 is the first). */
export type RetryDelay = (deliveryCount: number) => number;

/** Exponential from 1 s, capped at 5 min, with equal jitter: between half and the whole. `random` is in [0, 1). */
export function exponentialDelay(deliveryCount: number, random: number): number {
  const whole = Math.min(300_000, 1_000 * 2 ** (Math.max(1, deliveryCount) - 1));
  return Math.round(whole / 2 + (whole / 2) * random);
}

/** When a released message comes again at the latest, in milliseconds. */
export const LONGEST_RELEASE_MS = 1_000;

/**
 * A released message was never looked at: it may go to the next drain soon, though not into a drain that is ending. With equal
 * jitter, as a retry. `random` is in [0, 1).
 */
export function releaseDelay(random: number): number {
  return LONGEST_RELEASE_MS / 2 + (LONGEST_RELEASE_MS / 2) * random;
}

/** What to do with a message. */
export type Action =
  | { readonly op: "ack" }
  | { readonly op: "nak"; readonly delayMs: number }
  /** Never deliver it again: through the dead-letter subject where there is one. */
  | { readonly op: "discard"; readonly reason: string };

export interface SettlePolicy {
  readonly retryDelay: RetryDelay;
  /** After this many deliveries a message that failed is discarded; undefined: never. */
  readonly lastDelivery: number | undefined;
}

/** What a handler's result asks for. */
export function decide(settlement: Settlement, deliveryCount: number, policy: SettlePolicy): Action {
  switch (settlement.kind) {
    case "ack":
      return { op: "ack" };
    case "reject":
      return { op: "discard", reason: settlement.reason };
    case "retry":
      if (policy.lastDelivery !== undefined && deliveryCount >= policy.lastDelivery) {
        return { op: "discard", reason: `failed ${deliveryCount} deliveries` };
      }
      return { op: "nak", delayMs: settlement.delayMs ?? policy.retryDelay(deliveryCount) };
    default:
      return settlement satisfies never;
  }
}

/** Whether a handler returned a settlement; anything else counts as nothing. */
export function isSettlement(value: unknown): value is Settlement {
  if (typeof value !== "object" || value === null || !("kind" in value)) return false;
  return value.kind === "ack" || value.kind === "retry" || value.kind === "reject";
}

/** Thrown by a handler, or by what it calls: the same as returning `retry()`. Known by its `code`, whichever copy of the class made it. */
export class RetryError extends Error {
  readonly code = "SLUICE_RETRY";
  readonly delayMs: number | undefined;
  constructor(message?: string, options: { readonly delayMs?: number; readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = "RetryError";
    this.delayMs = options.delayMs;
  }
}

/** Thrown by a handler, or by what it calls: the same as returning `reject(message)`. Known by its `code`, likewise. */
export class RejectError extends Error {
  readonly code = "SLUICE_REJECT";
  constructor(message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = "RejectError";
  }
}

/** The settlement that an error asks for by its `code`; undefined for an error that is just one. */
export function settlementOfError(error: unknown): Settlement | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  switch (error.code) {
    case "SLUICE_RETRY": {
      const delayMs = "delayMs" in error ? error.delayMs : undefined;
      return typeof delayMs === "number" ? { kind: "retry", delayMs } : { kind: "retry" };
    }
    case "SLUICE_REJECT":
    case "SLUICE_INVALID_VALUE":
      return reject(error.message);
    default:
      return undefined;
  }
}

/**
 * The delay to ask for, so that a message of that delivery count waits `waitMs`. With `backoff` nats-server adds the
 * difference between the delivery's own step and the first (measured on 2.9.10 and 2.15.1): a wait below that cannot be had.
 */
export function delayOnWire(waitMs: number, deliveryCount: number, backoffMs: readonly number[]): number {
  const [first = 0] = backoffMs;
  const step = backoffMs[Math.min(deliveryCount, backoffMs.length) - 1] ?? first;
  return Math.max(0, waitMs - (step - first));
}
