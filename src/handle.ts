// Runs the handlers: so many at a time, in the order of arrival, until the deadline; what is held is kept alive meanwhile.
import type { Msg } from "@nats-io/nats-core";
import type { Deadline } from "./clock.ts";
import { DeliveredMessage, type Message } from "./message.ts";
import { isSettlement, type Settlement } from "./settle.ts";

/** What a handler gets beside its message. */
export interface HandlerContext<Env = unknown> {
  /** What `run` was given: the platform's bindings. */
  readonly env: Env;
  /** Aborts when the message's time is up; what the handler does after that no longer counts. */
  readonly signal: AbortSignal;
  /** When that is, in milliseconds since the epoch. */
  readonly deadline: Deadline;
}

/** Called once a delivery. Returning nothing acks, throwing naks with a delay, and a {@link Settlement} says what to do. */
export type Handler<Env = unknown> = (
  message: Message,
  context: HandlerContext<Env>,
) => void | Settlement | Promise<void | Settlement>;

/** How one handler ended. */
export type Handled =
  | { readonly kind: "returned"; readonly settlement: Settlement }
  | { readonly kind: "threw"; readonly error: unknown }
  /** Its time was up before it settled; whatever it does now is ignored. */
  | { readonly kind: "overdue" };

export interface PoolOptions<Env> {
  readonly handler: Handler<Env>;
  readonly context: HandlerContext<Env>;
  readonly concurrency: number;
  /** Settles a message whose handler has ended. A promise keeps its place until it resolves; it never rejects. */
  readonly settle: (msg: Msg, message: Message, handled: Handled) => void | Promise<void>;
  /** Gives back a message that no handler has started. */
  readonly release: (msg: Msg) => void;
}

const ACKED: Handled = { kind: "returned", settlement: { kind: "ack" } };
const OVERDUE: Handled = { kind: "overdue" };

function returned(value: unknown): Handled {
  return isSettlement(value) ? { kind: "returned", settlement: value } : ACKED;
}

/** A message whose handler, or whose settling, has not ended yet. */
interface Running {
  readonly msg: Msg;
  readonly message: Message;
  settling?: Promise<void>;
}

/** Deliveries in, settled messages out. */
export class HandlerPool<Env> {
  readonly #options: PoolOptions<Env>;
  readonly #running = new Set<Running>();
  // A queue as an array and the place of its head: shift() on an array moves every element.
  #queue: (Msg | undefined)[] = [];
  #head = 0;
  #stopped = false;
  #idle: (() => void) | undefined;
  /** Messages given to `push`. */
  fetched = 0;

  constructor(options: PoolOptions<Env>) {
    this.#options = options;
  }

  /** Takes a delivery: it is handled as soon as a handler is free, or released if the pool has stopped. */
  push(msg: Msg): void {
    this.fetched += 1;
    if (this.#stopped) {
      this.#options.release(msg);
    } else {
      this.#queue.push(msg);
      this.#pump();
    }
  }

  /** Resolves when nothing is queued and no handler runs. */
  idle(): Promise<void> {
    if (this.#isIdle) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#idle = resolve;
    return promise;
  }

  /**
   * Starts no handler any more: the queue is released, and handlers still running are given up as overdue. Resolves when
   * what was being settled is; to whether anything was cut short.
   */
  async stop(): Promise<boolean> {
    this.#stopped = true;
    const waiting = this.#waiting();
    this.#queue = [];
    this.#head = 0;
    for (const msg of waiting) this.#options.release(msg);
    let cutShort = waiting.length > 0;
    const settling: Promise<void>[] = [];
    for (const running of this.#running) {
      cutShort ||= running.settling === undefined;
      settling.push(running.settling ?? Promise.resolve(this.#settle(running, OVERDUE)));
    }
    await Promise.all(settling);
    this.#idle?.();
    return cutShort;
  }

  /** Every message that is held: queued, running or being settled. */
  held(): Msg[] {
    return [...Array.from(this.#running, ({ msg }) => msg), ...this.#waiting()];
  }

  #waiting(): Msg[] {
    return this.#queue.slice(this.#head).filter((msg) => msg !== undefined);
  }

  get #isIdle(): boolean {
    return this.#running.size === 0 && this.#head === this.#queue.length;
  }

  #pump(): void {
    const { concurrency } = this.#options;
    while (!this.#stopped && this.#running.size < concurrency && this.#head < this.#queue.length) {
      const msg = this.#queue[this.#head];
      // What was handled must not stay in memory for the sake of the queue.
      this.#queue[this.#head] = undefined;
      this.#head += 1;
      if (this.#head === this.#queue.length) {
        this.#queue = [];
        this.#head = 0;
      }
      if (msg) this.#start(msg);
    }
    if (this.#isIdle) this.#idle?.();
  }

  #start(msg: Msg): void {
    const running: Running = { msg, message: new DeliveredMessage(msg) };
    const { handler, context } = this.#options;
    let result: ReturnType<Handler<Env>>;
    try {
      result = handler(running.message, context);
    } catch (error) {
      return void this.#settle(running, { kind: "threw", error });
    }
    // A handler that returns no promise is done: no slot, no promise, no turn of the microtask queue.
    if (!isThenable(result)) return void this.#settle(running, returned(result));
    // It stopped the drain itself, as by aborting it, and nobody waits for it any more; a rejection would be unhandled.
    if (this.#stopped) {
      result.then(undefined, () => {});
      return void this.#settle(running, OVERDUE);
    }
    this.#running.add(running);
    const end = (handled: Handled): void => {
      // Given up by stop(): it was settled then, and cannot be again.
      if (running.settling || !this.#running.has(running)) return;
      if (!this.#settle(running, handled)) this.#pump();
    };
    result.then(
      (value) => end(returned(value)),
      (error: unknown) => end({ kind: "threw", error }),
    );
  }

  /** Settles, and keeps the message's place for as long as that takes. */
  #settle(running: Running, handled: Handled): Promise<void> | undefined {
    const settling = this.#options.settle(running.msg, running.message, handled);
    if (!settling) {
      this.#running.delete(running);
      return undefined;
    }
    this.#running.add(running);
    running.settling = settling.then(() => {
      this.#running.delete(running);
      this.#pump();
    });
    return running.settling;
  }
}

function isThenable<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}
