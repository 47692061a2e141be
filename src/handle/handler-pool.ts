// Runs the handlers of single messages: so many at a time, in the order of arrival or of a key,
// until their deadline.
import { breathe, type Deadline, now } from "../deadline.ts";
import type { Message } from "../message/message.ts";
import type { RawMessage } from "../message/received.ts";
import { RELEASE_MS } from "../settle/settlement.ts";
import type { Settled } from "../settle/settler.ts";
import { Burst } from "./burst.ts";
import {
  type Handler,
  type HandlerEnd,
  isThenable,
  type Pool,
  type PoolParts,
  type Progress,
  returned,
  stillToCome,
} from "./handler.ts";
import { HandlerTimes } from "./handler-times.ts";
import { Job } from "./job.ts";
import { KeyOrder } from "./key-order.ts";
import { Queue } from "./queue.ts";

export interface HandlerPoolOptions<Env> extends PoolParts<Env> {
  readonly handler: Handler<Env, unknown>;
  readonly concurrency: number;
  readonly orderBy: ((message: Message<unknown>) => string) | undefined;
}

const OVERDUE: HandlerEnd = { kind: "overdue" };
const CUT: HandlerEnd = { kind: "cut" };
const RELEASED: HandlerEnd = { kind: "released" };

// Fewer handlers than this say nothing of how quick one can be.
const MIN_SAMPLES = 3;

/** The pool of a handler that takes one message at a time. */
export class HandlerPool<Env> implements Pool {
  readonly #options: HandlerPoolOptions<Env>;
  readonly #times: HandlerTimes<Env, Job<Env>>;
  readonly #order: KeyOrder<Job<Env>> | undefined;
  readonly #running = new Set<Job<Env>>();
  readonly #queue = new Queue<Job<Env>>();
  #stopped = false;
  #idle: (() => void)[] = [];
  readonly #burst: Burst;
  /** When the handler that was started last ended, if it has. */
  #endedAt: Deadline | undefined;
  #breathing = false;
  #handled = 0;
  #slowestMs: number | undefined;
  #fastestMs: number | undefined;
  fetched = 0;

  constructor(options: HandlerPoolOptions<Env>) {
    this.#options = options;
    this.#times = new HandlerTimes({ ...options, overdue: (jobs) => this.#overdue(jobs) });
    this.#burst = new Burst(options.concurrency);
    const { orderBy, isLast } = options;
    this.#order =
      orderBy &&
      new KeyOrder({
        keyOf: ({ message }) => orderBy(message),
        sequenceOf: ({ message }) => message.sequence,
        canGoBack: ({ message }) => !isLast(message),
      });
  }

  get progress(): Progress {
    return {
      queued: this.#queue.length,
      waiting: this.#order?.waitingCount ?? 0,
      running: this.#running.size,
      handled: this.#handled,
      slowestMs: this.#slowestMs,
      fastestMs: this.#fastestMs,
    };
  }

  push(msg: RawMessage): void {
    this.fetched += 1;
    this.#burst.turned(this.#options.turns());
    const job = new Job<Env>(msg);
    if (this.#stopped) {
      void this.#settle(job, RELEASED);
    } else {
      this.#admit(job);
      this.#pump();
    }
  }

  idle(): Promise<void> {
    if (this.#isIdle) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#idle.push(resolve);
    return promise;
  }

  async stop(how: "cut" | "finish" | "drop"): Promise<boolean> {
    this.#stopped = true;
    this.#times.close();
    const queued = this.#queue.clear();
    const running = how === "cut" ? [...this.#running].filter(({ settling }) => !settling) : [];
    if (how !== "drop") this.#giveBack([...running, ...queued]);
    await this.#settled();
    if (how !== "cut") await this.idle();
    this.#tellIdle();
    return queued.length > 0 || running.length > 0;
  }

  /** Resolves when nothing is being settled: of a key, what waits is settled once the one before it is. */
  async #settled(): Promise<void> {
    const settling = Array.from(this.#running, (job) => job.settling).filter((each) => each !== undefined);
    if (settling.length === 0) return;
    await Promise.all(settling);
    await this.#settled();
  }

  held(): RawMessage[] {
    const waiting = this.#order?.waiting() ?? [];
    return [...this.#running, ...this.#queue.items(), ...waiting].map(({ msg }) => msg);
  }

  get #isIdle(): boolean {
    return this.#running.size === 0 && this.#queue.length === 0;
  }

  #admit(job: Job<Env>): void {
    let admitted: ReturnType<KeyOrder<Job<Env>>["admit"]>;
    try {
      admitted = this.#order?.admit(job, now()) ?? "ready";
    } catch (error) {
      this.#settle(job, { kind: "threw", error });
      return;
    }
    if (admitted === "ready") this.#enqueue(job);
    else if (admitted !== "waiting") this.#settle(job, { kind: "released", waitMs: admitted.afterMs });
  }

  /** A last delivery goes first: what waits behind it can be given back, and it cannot. */
  #enqueue(job: Job<Env>): void {
    this.#queue.push(job, this.#options.isLast(job.message));
  }

  #pump(): void {
    const { concurrency, failuresLeft } = this.#options;
    // The clock is looked at once per message: the end of one is the start of the next.
    this.#endedAt = undefined;
    while (!this.#stopped && !this.#breathing && this.#running.size < Math.min(concurrency, failuresLeft())) {
      const job = this.#queue.first;
      if (!job) break;
      const at = this.#endedAt ?? now();
      if (this.#isLate(job, at)) break;
      this.#queue.shift();
      this.#endedAt = undefined;
      const isFull = this.#burst.start(at);
      this.#start(job, at);
      if (isFull) void this.#breathe();
    }
    if (this.#isIdle) this.#tellIdle();
  }

  /**
   * Whether its handler cannot end in time: not one so far was as quick. A last delivery is tried
   * all the same.
   */
  #isLate(job: Job<Env>, at: number): boolean {
    const { deadline, late, isLast } = this.#options;
    const leftMs = deadline - at;
    const quickestMs = this.#handled < MIN_SAMPLES ? 0 : (this.#fastestMs ?? 0);
    if (leftMs > 0 && (leftMs >= quickestMs || isLast(job.message))) return false;
    if (leftMs <= 0 || this.#running.size === 0) late();
    return true;
  }

  async #breathe(): Promise<void> {
    this.#breathing = true;
    await breathe();
    this.#burst.end(now());
    this.#breathing = false;
    this.#pump();
  }

  #start(job: Job<Env>, at: number): void {
    job.startedAt = at;
    let result: unknown;
    try {
      const reading = this.#options.readValue?.(job.message);
      result = reading ? reading.then(() => this.#callRead(job)) : this.#call(job, at);
    } catch (error) {
      this.#end(job, { kind: "threw", error });
      return;
    }
    // A handler that returns no promise is done: no slot, no promise, no turn of the microtask queue.
    const later = stillToCome(result);
    if (!later) {
      this.#end(job, returned(result));
      return;
    }
    // It stopped the drain itself, as by aborting it, and nobody waits for it any more; a rejection
    // would be unhandled.
    if (this.#stopped) {
      later.then(undefined, () => {});
      this.#settle(job, CUT);
      return;
    }
    this.#running.add(job);
    job.time?.add(job);
    later.then(
      (value) => this.#ended(job, returned(value)),
      (error: unknown) => this.#ended(job, { kind: "threw", error }),
    );
  }

  #call(job: Job<Env>, at: number): unknown {
    return job.call(this.#options, this.#times.from(at));
  }

  /** Its value is read, unless it was given back meanwhile. */
  #callRead(job: Job<Env>): unknown {
    if (job.settling || !this.#running.has(job)) return undefined;
    const result = this.#call(job, now());
    job.time?.add(job);
    return result;
  }

  #ended(job: Job<Env>, end: HandlerEnd): void {
    // Given up: it was settled then, and cannot be again.
    if (job.settling || !this.#running.has(job)) return;
    this.#end(job, end);
    this.#pump();
  }

  #end(job: Job<Env>, end: HandlerEnd): void {
    const at = now();
    this.#endedAt = at;
    const tookMs = at - job.startedAt;
    this.#slowestMs = Math.max(this.#slowestMs ?? 0, tookMs);
    this.#fastestMs = Math.min(this.#fastestMs ?? tookMs, tookMs);
    this.#settle(job, end);
  }

  #overdue(jobs: readonly Job<Env>[]): void {
    for (const job of jobs) this.#end(job, OVERDUE);
    this.#pump();
  }

  /** Settles, and keeps the message's place for as long as that takes. */
  #settle(job: Job<Env>, end: HandlerEnd): void {
    job.time?.delete(job);
    if (end.kind === "threw") job.error = end.error;
    const settled = this.#options.settle(job.msg, job.message, end);
    if (!isThenable(settled)) {
      this.#leave(job, settled);
      return;
    }
    this.#running.add(job);
    job.settling = settled.then((late) => {
      this.#leave(job, late);
      this.#pump();
    });
  }

  #leave(job: Job<Env>, settled: Settled): void {
    this.#running.delete(job);
    if (job.observed) job.tellEnd(settled, now());
    if (settled.as !== "released") this.#handled += 1;
    if (this.#order) {
      const { next, back } = this.#order.ended(job, settled.againInMs, now());
      for (const each of back) this.#settle(each.job, { kind: "released", waitMs: each.afterMs });
      if (next !== undefined && this.#stopped) this.#giveBack([next]);
      else if (next !== undefined) this.#enqueue(next);
    }
    this.#options.progressed();
  }

  /** Gives jobs back in the stream's order, each with what waits behind it for its key. */
  #giveBack(jobs: readonly Job<Env>[]): void {
    const inOrder = jobs.length > 1 ? jobs.toSorted((a, b) => a.message.sequence - b.message.sequence) : jobs;
    for (const each of inOrder) {
      // What is at its last delivery cannot go back for another's sake, and is the next of its key.
      for (let job: Job<Env> | undefined = each; job; job = this.#giveOneBack(job));
    }
  }

  /** To the next of its key. */
  #giveOneBack(job: Job<Env>): Job<Env> | undefined {
    const runs = this.#running.has(job);
    const { next, back } = this.#order?.ended(job, RELEASE_MS, now()) ?? { back: [] };
    this.#settle(job, runs ? CUT : RELEASED);
    if (runs) job.time?.giveUp();
    for (const each of back) this.#settle(each.job, { kind: "released", waitMs: each.afterMs });
    return next;
  }

  #tellIdle(): void {
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}
