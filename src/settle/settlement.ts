// Settlements: what a handler may say of its message, and how long a message waits before it comes
// again. Pure.

/**
 * Marks a settlement, so that data with a `kind` of its own, as a message's body, settles nothing.
 * Shared by every copy.
 */
const SETTLEMENT: unique symbol = Symbol.for("sluice.settlement");

const CAUSE: unique symbol = Symbol("cause");

interface Branded {
  readonly [SETTLEMENT]: true;
  readonly [CAUSE]?: { readonly error: unknown };
}

/**
 * What a handler may return: made by {@link ack}, {@link retry} and {@link reject} only. Nothing at
 * all is an ack.
 */
export type Settlement = AckSettlement | RetrySettlement | RejectSettlement;

/** What {@link ack} makes. */
export interface AckSettlement extends Branded {
  readonly kind: "ack";
}

/** What {@link retry} makes. */
export interface RetrySettlement extends Branded {
  readonly kind: "retry";
  /** Milliseconds until the next delivery, from 0. @default the drain's `retryDelay` */
  readonly delayMs?: number;
}

/** What {@link reject} makes. */
export interface RejectSettlement extends Branded {
  readonly kind: "reject";
  readonly reason: string;
}

/**
 * The message is done; the same as returning nothing.
 *
 * @example
 * const handler: Handler = ({ operation }) => (operation === "put" ? retry() : ack());
 */
export function ack(): Settlement {
  return { [SETTLEMENT]: true, kind: "ack" };
}

/**
 * The message is to be delivered again, after `delayMs` milliseconds (from 0) or, without it, after
 * the drain's `retryDelay`.
 *
 * @example
 * const handler: Handler = ({ data }) => (data.length > 1_000 ? retry({ delayMs: 30_000 }) : undefined);
 *
 * @throws {RangeError} when `delayMs` is negative or not finite
 */
export function retry(options: { readonly delayMs?: number } = {}): Settlement {
  const { delayMs } = options;
  if (delayMs === undefined) return { [SETTLEMENT]: true, kind: "retry" };
  if (!Number.isFinite(delayMs) || delayMs < 0)
    throw new RangeError(`delayMs: must be at least 0 ms, not ${delayMs}`);
  return { [SETTLEMENT]: true, kind: "retry", delayMs };
}

/**
 * The message will never succeed: to the dead-letter subject if there is one, and never delivered again.
 *
 * @example
 * const handler: Handler = ({ data }) => (data.length === 0 ? reject("not an order") : undefined);
 */
export function reject(reason: string): Settlement {
  return { [SETTLEMENT]: true, kind: "reject", reason: asText(reason) };
}

/** A reason as text: a `catch` clause, and JavaScript, may give anything, most often an Error. */
function asText(reason: unknown): string {
  try {
    return String((reason instanceof Error ? reason.message : reason) ?? "no reason given");
  } catch {
    return typeof reason;
  }
}

/** Whether a handler returned a settlement; anything else counts as nothing. */
export function isSettlement(value: unknown): value is Settlement {
  return typeof value === "object" && value !== null && SETTLEMENT in value;
}

/**
 * A settlement as this copy makes them, whoever made it: looked at once, and what it asks for is
 * something that can be.
 *
 * @throws {TypeError} when its kind is none
 * @throws what its own getters throw
 */
export function readSettlement(given: Settlement): Settlement {
  const cause = causeOf(given);
  const own = readKind(given);
  return cause ? withCause(own, cause.error) : own;
}

function readKind(given: Settlement): Settlement {
  switch (given.kind) {
    case "ack":
      return ack();
    case "retry":
      return retryAfter(given.delayMs);
    case "reject":
      return reject(given.reason);
    default:
      throw new TypeError("a settlement of an unknown kind");
  }
}

/** After the drain's own delay, where this is none. */
function retryAfter(delayMs: unknown): Settlement {
  const isDelay = typeof delayMs === "number" && Number.isFinite(delayMs) && delayMs >= 0;
  return isDelay ? retry({ delayMs }) : retry();
}

/**
 * The settlement, with the error behind it: for `onError` and the findings, whatever the settlement
 * itself asks for.
 */
export function withCause(settlement: Settlement, error: unknown): Settlement {
  return { ...settlement, [CAUSE]: { error } };
}

/** The error behind a settlement, if there is one. */
export function causeOf(settlement: Settlement): { readonly error: unknown } | undefined {
  return settlement[CAUSE];
}

/**
 * Milliseconds to wait before the next delivery of a message that was delivered `deliveryCount`
 * times (1 is the first).
 */
export type RetryDelay = (deliveryCount: number) => number;

/**
 * Exponential from 1 s, capped at 5 min, with equal jitter: between half and the whole. `random` is
 * in [0, 1).
 *
 * @example
 * const retryDelay: RetryDelay = (count) => 2 * exponentialDelay(count, Math.random());
 */
export function exponentialDelay(deliveryCount: number, random: number): number {
  const whole = Math.min(300_000, 1_000 * 2 ** (Math.max(1, deliveryCount) - 1));
  return Math.round(whole / 2 + (whole / 2) * random);
}

/**
 * How long a released message waits, in milliseconds. The same for all and without jitter, so that
 * they come again in the order in which they were released; short, because the next drain must find
 * them before it takes what is behind them. Not 0: the server might see it before it sees that this
 * drain takes no more.
 */
export const RELEASE_MS = 10;

/**
 * Thrown by a handler, or by what it calls: the same as returning `retry()`. Known by its `code`,
 * whichever copy made it.
 */
export class RetryError extends Error {
  readonly code = "SLUICE_RETRY";
  readonly delayMs: number | undefined;
  constructor(message?: string, options: { readonly delayMs?: number; readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = "RetryError";
    this.delayMs = options.delayMs;
  }
}

/**
 * Thrown by a handler, or by what it calls: the same as returning `reject(message)`. Known by its
 * `code`, likewise.
 */
export class RejectError extends Error {
  readonly code = "SLUICE_REJECT";
  constructor(message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = "RejectError";
  }
}

/** The settlement that an error asks for by its `code`; undefined for an error that is just one. */
export function settlementOfError(error: unknown): Settlement | undefined {
  try {
    return settlementOfCode(error);
  } catch {
    // It throws when it is looked at, and asks for nothing.
    return undefined;
  }
}

function settlementOfCode(error: unknown): Settlement | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  switch (error.code) {
    case "SLUICE_RETRY":
      return retryAfter("delayMs" in error ? error.delayMs : undefined);
    case "SLUICE_REJECT":
    case "SLUICE_INVALID_VALUE":
      return reject(error.message);
    default:
      return undefined;
  }
}
