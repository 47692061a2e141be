// What a handler is, how one can end, and what runs handlers.
import { type Deadline, now } from "../deadline.ts";
import type { DeliveredMessage, Message } from "../message/message.ts";
import type { RawMessage } from "../message/received.ts";
import type { ValueReader } from "../message/value.ts";
import type { Observer } from "../observe/observer.ts";
import type { Publish } from "../settle/publish.ts";
import { isFailureStatus, settlementOfResponse } from "../settle/response.ts";
import { ack, isSettlement, readSettlement, type Settlement } from "../settle/settlement.ts";
import type { Settled } from "../settle/settler.ts";
import { cancelBody, type HttpResponse, isHttpResponse } from "./http-response.ts";

/** What a handler gets beside its message. */
export interface HandlerContext<Env = unknown> {
  /** What `run` was given: the platform's bindings. */
  readonly env: Env;
  /** Aborts when the message's time is up; what the handler does after that no longer counts. */
  readonly signal: AbortSignal;
  /** When that is, in milliseconds since the epoch. */
  readonly deadline: number;
  /** Publishes to JetStream, with a PubAck, retried within the budget. */
  readonly publish: Publish;
  /**
   * What the drain's observer wants passed on to what the handler calls, as `traceparent`. Empty without one.
   */
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * What a handler may return. Nothing acks; a `Response` is read by its status: 2xx acks, 408, 425,
 * 429, 5xx and 3xx retry.
 */
export type HandlerResult = void | Settlement | HttpResponse;

/**
 * Called per delivery. Returning nothing acks, throwing naks with a delay, and a {@link Settlement}
 * says what to do.
 */
export type Handler<Env = unknown, Value = Uint8Array> = (
  message: Message<Value>,
  context: HandlerContext<Env>,
) => HandlerResult | Promise<HandlerResult>;

/** How a message's turn ended. */
export type HandlerEnd =
  /** `failure`: a status that says that the target is down, as a throw does. */
  | { readonly kind: "returned"; readonly settlement: Settlement; readonly failure: boolean }
  | { readonly kind: "threw"; readonly error: unknown }
  /** Its own time was up before it settled; whatever it does now is ignored. */
  | { readonly kind: "overdue" }
  /** The drain's time was up, or its caller aborted. */
  | { readonly kind: "cut" }
  /** No handler has started it. It comes again after `waitMs`; by default soon. */
  | { readonly kind: "released"; readonly waitMs?: number };

/** Settles a message whose turn has ended; a promise where something must be confirmed first. */
export type Settle = (
  msg: RawMessage,
  message: DeliveredMessage,
  end: HandlerEnd,
) => Settled | Promise<Settled>;

/** What every pool needs of the drain. */
export interface PoolParts<Env> {
  readonly context: HandlerContext<Env>;
  /** No handler starts after it. */
  readonly deadline: Deadline;
  /** Longest time of one handler, in milliseconds. */
  readonly handlerTimeoutMs: number | undefined;
  readonly readValue: ValueReader | undefined;
  readonly observer: Observer | undefined;
  /**
   * Settles a message whose turn has ended. A promise keeps its place until it resolves; it never rejects.
   */
  readonly settle: Settle;
  /** Whether this delivery is the last that the server makes of the message. */
  readonly isLast: (message: DeliveredMessage) => boolean;
  /** So many failures more end the drain: no more handlers run at once then. */
  readonly failuresLeft: () => number;
  /** Moves on when the event loop has turned; not with every turn. */
  readonly turns: () => number;
  /** The pool looked at the clock, and it is too late to start what waits. */
  readonly late: () => void;
  /** A message has left: there is room for another. */
  readonly progressed: () => void;
}

/** How many messages a pool holds, and how fast they go: what the pace of the pulls is made from. */
export interface Progress {
  readonly queued: number;
  /** Held back until one before them is done: of the same key. */
  readonly waiting: number;
  readonly running: number;
  readonly handled: number;
  /** Slowest and fastest handler so far, in milliseconds; undefined before the first has ended. */
  readonly slowestMs: number | undefined;
  readonly fastestMs: number | undefined;
}

/** Deliveries in, settled messages out. */
export interface Pool {
  /** Deliveries given to `push`. */
  readonly fetched: number;
  readonly progress: Progress;
  /** Takes a delivery, or releases it if the pool has stopped. */
  push(msg: RawMessage): void;
  /** A batch is whole: no more of its deliveries come. Only what handles whole batches needs to know. */
  endBatch?(): void;
  /** Resolves when nothing is queued and no handler runs. */
  idle(): Promise<void>;
  /**
   * Starts no handler any more. `cut` releases what is queued and gives up what runs, `finish`
   * releases what is queued and lets what runs end, `drop` settles nothing that is queued, for
   * nobody would hear it, and lets what runs end. Resolves when nothing is being settled; to
   * whether anything was cut short.
   */
  stop(how: "cut" | "finish" | "drop"): Promise<boolean>;
  /** Every message that is held: queued, running or being settled. */
  held(): RawMessage[];
}

const ACKED: HandlerEnd = { kind: "returned", settlement: ack(), failure: false };

/**
 * What a handler's return value says: an Error, as much as one that is thrown. Plain data says
 * nothing, whatever its members are called.
 */
export function returned(value: unknown): HandlerEnd {
  if (value === undefined) return ACKED;
  try {
    if (isSettlement(value)) return { kind: "returned", settlement: readSettlement(value), failure: false };
    if (value instanceof Error) return { kind: "threw", error: value };
    if (!isHttpResponse(value)) return ACKED;
    cancelBody(value);
    const settlement = settlementOfResponse(value, Date.now());
    return { kind: "returned", settlement, failure: isFailureStatus(value.status) };
  } catch (error) {
    // A getter, or a proxy, that throws: nothing can be said of what the handler did.
    return { kind: "threw", error };
  }
}

/**
 * Its result if that is still to come: a promise, made of whatever thenable; undefined otherwise.
 * Never throws.
 */
export function stillToCome(value: unknown): Promise<unknown> | undefined {
  try {
    return isThenable(value) ? Promise.resolve(value) : undefined;
  } catch (error) {
    return Promise.reject(error);
  }
}

/** Whether a handler's result is still to come. */
export function isThenable<T>(value: T | Promise<T>): value is Promise<T> {
  const mayBe = (typeof value === "object" && value !== null) || typeof value === "function";
  return mayBe && "then" in value && typeof value.then === "function";
}

/** The error that a handler's signal aborts with. */
export function timeIsUp(): DOMException {
  return new DOMException("The handler's time is up.", "TimeoutError");
}

/** The end of one handler's time, as its context has it: in milliseconds since the epoch. */
export function handlerDeadline(
  deadline: Deadline,
  handlerTimeoutMs: number = Number.POSITIVE_INFINITY,
): number {
  return Date.now() + Math.min(deadline - now(), handlerTimeoutMs);
}
