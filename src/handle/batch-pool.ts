// Runs a batch handler: all deliveries of a Fetch at once, and one settlement a message.
import type { Msg } from "@nats-io/nats-core";
import { clampDelay } from "../deadline.ts";
import { DeliveredMessage, type Message } from "../message/message.ts";
import { isSettlement, type Settlement } from "../settle/settlement.ts";
import {
  type Handled,
  type HandlerContext,
  isThenable,
  type Pool,
  type PoolParts,
  returned,
} from "./handler-pool.ts";

/**
 * Called once a Fetch, with everything it delivered. Returning nothing acks all, throwing retries all, and an array has one
 * entry a message, in their order: a {@link Settlement}, or undefined to ack. An array of another length retries all.
 */
export type BatchHandler<Env = unknown, Value = Uint8Array> = (
  messages: readonly Message<Value>[],
  context: HandlerContext<Env>,
) => BatchResult | Promise<BatchResult>;

/** What a batch handler may return. */
export type BatchResult = void | readonly (Settlement | undefined)[];

export interface BatchPoolOptions<Env> extends PoolParts<Env> {
  readonly batchHandler: BatchHandler<Env, unknown>;
}

/** A batch handler returned an array with another number of entries than it was given messages. */
export class BatchLengthError extends Error {
  readonly code = "SLUICE_BATCH_LENGTH";
  constructor(messages: number, entries: number) {
    super(`the batch handler returned ${entries} entries for ${messages} messages`);
    this.name = "BatchLengthError";
  }
}

interface Job {
  readonly msg: Msg;
  readonly message: DeliveredMessage;
  settled: boolean;
}

/** The pool of a handler that takes a batch at a time. */
export class BatchPool<Env> implements Pool {
  readonly #options: BatchPoolOptions<Env>;
  #batch: Job[] = [];
  #running: Job[] = [];
  #work: Promise<void> | undefined;
  #giveUp: (() => void) | undefined;
  #stopped = false;
  fetched = 0;

  constructor(options: BatchPoolOptions<Env>) {
    this.#options = options;
  }

  push(msg: Msg): void {
    this.fetched += 1;
    if (this.#stopped) this.#options.release(msg);
    else this.#batch.push({ msg, message: new DeliveredMessage(msg), settled: false });
  }

  endFetch(): void {
    if (this.#batch.length === 0 || this.#stopped) return;
    this.#running = this.#batch;
    this.#batch = [];
    this.#work = this.#run(this.#running).finally(() => {
      this.#work = undefined;
      this.#running = [];
    });
  }

  async idle(): Promise<void> {
    await this.#work;
  }

  async stop(): Promise<boolean> {
    this.#stopped = true;
    const waiting = this.#batch;
    this.#batch = [];
    for (const { msg } of waiting) this.#options.release(msg);
    const cutShort = waiting.length > 0 || this.#running.some(({ settled }) => !settled);
    this.#giveUp?.();
    await this.#work;
    return cutShort;
  }

  held(): Msg[] {
    return [...this.#running.filter(({ settled }) => !settled), ...this.#batch].map(({ msg }) => msg);
  }

  async #run(jobs: readonly Job[]): Promise<void> {
    const readable = await this.#readValues(jobs);
    if (readable.length === 0) return;
    const handled = await this.#callInTime(readable);
    await Promise.all(readable.map((job, at) => this.#settle(job, handled(at))));
  }

  /** Messages whose value cannot be had are settled for that, each for itself; the handler sees the others. */
  async #readValues(jobs: readonly Job[]): Promise<readonly Job[]> {
    const { readValue } = this.#options;
    if (!readValue) return jobs;
    const readable = await Promise.all(
      jobs.map(async (job) => {
        try {
          await readValue(job.message);
          return job;
        } catch (error) {
          await this.#settle(job, { kind: "threw", error });
          return undefined;
        }
      }),
    );
    return readable.filter((job) => job !== undefined);
  }

  /** Calls the handler, and waits for it until it is given up; to what became of each message. */
  async #callInTime(jobs: readonly Job[]): Promise<(at: number) => Handled> {
    const { context, handlerTimeoutMs, batchHandler } = this.#options;
    const { promise: givenUp, resolve } = Promise.withResolvers<(at: number) => Handled>();
    const abort = new AbortController();
    this.#giveUp = () => {
      resolve(() => ({ kind: "overdue" }));
      abort.abort(new DOMException("The handler's time is up.", "TimeoutError"));
    };
    // stop() may have come while the values were read.
    if (this.#stopped) this.#giveUp();
    const timer =
      handlerTimeoutMs === undefined ? undefined : setTimeout(this.#giveUp, clampDelay(handlerTimeoutMs));
    const deadline = Math.min(context.deadline, Date.now() + (handlerTimeoutMs ?? Number.POSITIVE_INFINITY));
    const call = async (): Promise<(at: number) => Handled> => {
      try {
        const messages = jobs.map(({ message }) => message);
        const result = batchHandler(messages, { ...context, signal: abort.signal, deadline });
        return readResult(isThenable(result) ? await result : result, jobs.length);
      } catch (error) {
        return () => ({ kind: "threw", error });
      }
    };
    try {
      return await Promise.race([abort.signal.aborted ? givenUp : call(), givenUp]);
    } finally {
      clearTimeout(timer);
      this.#giveUp = undefined;
    }
  }

  async #settle(job: Job, handled: Handled): Promise<void> {
    const settled = this.#options.settle(job.msg, job.message, handled);
    if (isThenable(settled)) await settled;
    job.settled = true;
  }
}

function readResult(result: unknown, messages: number): (at: number) => Handled {
  if (!Array.isArray(result)) return () => returned(undefined);
  if (result.length !== messages) throw new BatchLengthError(messages, result.length);
  return (at) => returned(isSettlement(result[at]) ? result[at] : undefined);
}
