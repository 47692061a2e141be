// Runs the handlers: so many at a time, in the order of arrival or of a key, until their deadline.
import type { Msg } from "@nats-io/nats-core";
import { clampDelay, type Deadline } from "../deadline.ts";
import { DeliveredMessage, type Message } from "../message/message.ts";
import type { ValueReader } from "../message/value.ts";
import type { Publish } from "../settle/publish.ts";
import { isSettlement, LONGEST_RELEASE_MS, type Settlement } from "../settle/settlement.ts";
import { KeyOrder } from "./key-order.ts";

/** What a handler gets beside its message. */
export interface HandlerContext<Env = unknown> {
  /** What `run` was given: the platform's bindings. */
  readonly env: Env;
  /** Aborts when the message's time is up; what the handler does after that no longer counts. */
  readonly signal: AbortSignal;
  /** When that is, in milliseconds since the epoch. */
  readonly deadline: Deadline;
  /** Publishes to JetStream, with a PubAck, retried within the budget. */
  readonly publish: Publish;
}

/** Called once a delivery. Returning nothing acks, throwing naks with a delay, and a {@link Settlement} says what to do. */
export type Handler<Env = unknown, Value = Uint8Array> = (
  message: Message<Value>,
  context: HandlerContext<Env>,
) => void | Settlement | Promise<void | Settlement>;

/** How one handler ended. */
export type Handled =
  | { readonly kind: "returned"; readonly settlement: Settlement }
  | { readonly kind: "threw"; readonly error: unknown }
  /** Its time was up before it settled; whatever it does now is ignored. */
  | { readonly kind: "overdue" };

/** A settled message is done with, or will be delivered again, after so many milliseconds. */
export type Settled = "done" | { readonly againInMs: number };

/** What every pool needs of the drain. */
export interface PoolParts<Env> {
  readonly context: HandlerContext<Env>;
  /** Longest time of one handler, in milliseconds. */
  readonly handlerTimeoutMs: number | undefined;
  readonly readValue: ValueReader | undefined;
  /** Settles a message whose handler has ended. A promise keeps its place until it resolves; it never rejects. */
  readonly settle: (msg: Msg, message: Message<unknown>, handled: Handled) => Settled | Promise<Settled>;
  /** Gives back a message that no handler has started, to come again after so many milliseconds; by default soon. */
  readonly release: (msg: Msg, afterMs?: number) => void;
}

/** Deliveries in, settled messages out. */
export interface Pool {
  /** Messages given to `push`. */
  readonly fetched: number;
  /** Takes a delivery, or releases it if the pool has stopped. */
  push(msg: Msg): void;
  /** The Fetch has ended: no more of its deliveries come. */
  endFetch(): void;
  /** Resolves when nothing is queued and no handler runs. */
  idle(): Promise<void>;
  /**
   * Starts no handler any more: what is queued is released, and handlers still running are given up as overdue. Resolves when
   * what was being settled is; to whether anything was cut short.
   */
  stop(): Promise<boolean>;
  /** Every message that is held: queued, running or being settled. */
  held(): Msg[];
}

export interface HandlerPoolOptions<Env> extends PoolParts<Env> {
  readonly handler: Handler<Env, unknown>;
  readonly concurrency: number;
  readonly orderBy: ((message: Message<unknown>) => string) | undefined;
}

const ACKED: Handled = { kind: "returned", settlement: { kind: "ack" } };
const OVERDUE: Handled = { kind: "overdue" };

/** What a handler's return value says. */
export function returned(value: unknown): Handled {
  return isSettlement(value) ? { kind: "returned", settlement: value } : ACKED;
}

/** One message on its way through the pool. */
class Job {
  readonly msg: Msg;
  readonly message: DeliveredMessage;
  settling: Promise<Settled> | undefined;
  /** With a timeout of its own: aborts its own signal. */
  abort: AbortController | undefined;
  timer: ReturnType<typeof setTimeout> | undefined;

  constructor(msg: Msg) {
    this.msg = msg;
    this.message = new DeliveredMessage(msg);
  }
}

/** The pool of a handler that takes one message at a time. */
export class HandlerPool<Env> implements Pool {
  readonly #options: HandlerPoolOptions<Env>;
  readonly #order: KeyOrder<Job> | undefined;
  readonly #running = new Set<Job>();
  // A queue as an array and the place of its head: shift() on an array moves every element.
  #queue: (Job | undefined)[] = [];
  #head = 0;
  #stopped = false;
  #idle: (() => void) | undefined;
  fetched = 0;

  constructor(options: HandlerPoolOptions<Env>) {
    this.#options = options;
    const { orderBy } = options;
    this.#order = orderBy && new KeyOrder((job) => orderBy(job.message));
  }

  push(msg: Msg): void {
    this.fetched += 1;
    if (this.#stopped) {
      this.#options.release(msg);
    } else {
      this.#admit(new Job(msg));
      this.#pump();
    }
  }

  endFetch(): void {}

  idle(): Promise<void> {
    if (this.#isIdle) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#idle = resolve;
    return promise;
  }

  async stop(): Promise<boolean> {
    this.#stopped = true;
    const queued = this.#queued();
    this.#queue = [];
    this.#head = 0;
    let cutShort = queued.length > 0;
    const settling: Promise<unknown>[] = [];
    // What runs goes back first, and takes with it what waits behind it.
    for (const job of this.#running) {
      cutShort ||= job.settling === undefined;
      settling.push(job.settling ?? this.#overdue(job));
    }
    for (const job of queued) this.#putBack(job);
    await Promise.all(settling);
    this.#idle?.();
    return cutShort;
  }

  held(): Msg[] {
    return [...this.#running, ...this.#queued(), ...(this.#order?.waiting() ?? [])].map(({ msg }) => msg);
  }

  #admit(job: Job): void {
    let admitted: ReturnType<KeyOrder<Job>["admit"]>;
    try {
      admitted = this.#order?.admit(job, Date.now()) ?? "ready";
    } catch (error) {
      this.#settle(job, { kind: "threw", error });
      return;
    }
    if (admitted === "ready") this.#queue.push(job);
    else if (admitted !== "waiting") this.#options.release(job.msg, admitted.afterMs);
  }

  #queued(): Job[] {
    return this.#queue.slice(this.#head).filter((job) => job !== undefined);
  }

  get #isIdle(): boolean {
    return this.#running.size === 0 && this.#head === this.#queue.length;
  }

  #pump(): void {
    const { concurrency } = this.#options;
    while (!this.#stopped && this.#running.size < concurrency && this.#head < this.#queue.length) {
      const job = this.#queue[this.#head];
      // What was handled must not stay in memory for the sake of the queue.
      this.#queue[this.#head] = undefined;
      this.#head += 1;
      if (this.#head === this.#queue.length) {
        this.#queue = [];
        this.#head = 0;
      }
      if (job) this.#start(job);
    }
    if (this.#isIdle) this.#idle?.();
  }

  #start(job: Job): void {
    let result: unknown;
    try {
      const reading = this.#options.readValue?.(job.message);
      result = reading ? reading.then(() => this.#call(job)) : this.#call(job);
    } catch (error) {
      this.#settle(job, { kind: "threw", error });
      return;
    }
    // A handler that returns no promise is done: no slot, no promise, no turn of the microtask queue.
    if (!isThenable(result)) {
      this.#settle(job, returned(result));
      return;
    }
    // It stopped the drain itself, as by aborting it, and nobody waits for it any more; a rejection would be unhandled.
    if (this.#stopped) {
      result.then(undefined, () => {});
      this.#settle(job, OVERDUE);
      return;
    }
    this.#running.add(job);
    result.then(
      (value) => this.#end(job, returned(value)),
      (error: unknown) => this.#end(job, { kind: "threw", error }),
    );
  }

  #call(job: Job): ReturnType<Handler<Env, unknown>> {
    const { handler, context, handlerTimeoutMs } = this.#options;
    const { message } = job;
    if (handlerTimeoutMs === undefined) return handler(message, context);
    const abort = new AbortController();
    job.abort = abort;
    job.timer = setTimeout(() => {
      void this.#overdue(job);
      this.#pump();
    }, clampDelay(handlerTimeoutMs));
    const deadline = Math.min(context.deadline, Date.now() + handlerTimeoutMs);
    return handler(message, { ...context, signal: abort.signal, deadline });
  }

  #end(job: Job, handled: Handled): void {
    // Given up: it was settled then, and cannot be again.
    if (job.settling || !this.#running.has(job)) return;
    this.#settle(job, handled);
    this.#pump();
  }

  async #overdue(job: Job): Promise<void> {
    this.#settle(job, OVERDUE);
    job.abort?.abort(new DOMException("The handler's time is up.", "TimeoutError"));
    await job.settling;
  }

  /** Settles, and keeps the message's place for as long as that takes. */
  #settle(job: Job, handled: Handled): void {
    if (job.timer !== undefined) clearTimeout(job.timer);
    const settled = this.#options.settle(job.msg, job.message, handled);
    if (!isThenable(settled)) {
      this.#leave(job, settled);
      return;
    }
    this.#running.add(job);
    job.settling = settled.then((late) => {
      this.#leave(job, late);
      this.#pump();
      return late;
    });
  }

  #leave(job: Job, settled: Settled): void {
    this.#running.delete(job);
    if (!this.#order) return;
    const { next, back } = this.#order.ended(
      job,
      settled === "done" ? undefined : settled.againInMs,
      Date.now(),
    );
    for (const each of back) this.#options.release(each.job.msg, each.afterMs);
    if (next === undefined) return;
    if (this.#stopped) this.#putBack(next);
    else this.#queue.push(next);
  }

  /** Releases a job that nothing has started, and with it what waits behind it. */
  #putBack(job: Job): void {
    this.#options.release(job.msg);
    const { back } = this.#order?.ended(job, LONGEST_RELEASE_MS, Date.now()) ?? { back: [] };
    for (const each of back) this.#options.release(each.job.msg, each.afterMs);
  }
}

/** Whether a handler's result is still to come. */
export function isThenable<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}
