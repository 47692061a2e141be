// Runs a batch handler: all deliveries of a Fetch at once, and one settlement a message.
import { clampDelay, now } from "../deadline.ts";
import { DeliveredMessage, type Message } from "../message/message.ts";
import type { RawMessage } from "../message/received.ts";
import type { Settlement } from "../settle/settlement.ts";
import {
  type HandlerContext,
  type HandlerEnd,
  handlerDeadline,
  type Pool,
  type PoolParts,
  type Progress,
  returned,
  stillToCome,
  timeIsUp,
} from "./handler.ts";

/**
 * Called once per Fetch, with everything it delivered; more often where the consumer gives out less
 * at once (max_ack_pending). Returning nothing acks all, throwing retries all, and an array has one
 * entry per message, in their order: a {@link Settlement}, or undefined to ack. An array of another
 * length retries all. One settlement, or one `Response`, is for all.
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
  readonly msg: RawMessage;
  readonly message: DeliveredMessage;
  settled: boolean;
}

/** What became of a message. */
type Ended = readonly [job: Job, end: HandlerEnd];

/** The pool of a handler that takes a batch at a time. */
export class BatchPool<Env> implements Pool {
  readonly #options: BatchPoolOptions<Env>;
  #batch: Job[] = [];
  #running: Job[] = [];
  #work: Promise<void> | undefined;
  /** The batch behind the one that runs is whole. */
  #isNextWhole = false;
  /** Ends the wait for the handler that runs. */
  #giveUp: ((end: HandlerEnd) => void) | undefined;
  #stopped = false;
  #handled = 0;
  #slowestMs: number | undefined;
  fetched = 0;

  constructor(options: BatchPoolOptions<Env>) {
    this.#options = options;
  }

  get progress(): Progress {
    return {
      queued: this.#batch.length,
      waiting: 0,
      running: this.#running.length,
      handled: this.#handled,
      slowestMs: this.#slowestMs,
      fastestMs: this.#slowestMs,
    };
  }

  push(msg: RawMessage): void {
    this.fetched += 1;
    const job = { msg, message: new DeliveredMessage(msg), settled: false };
    if (this.#stopped) void this.#settle(job, { kind: "released" });
    else this.#batch.push(job);
  }

  endBatch(): void {
    if (this.#batch.length === 0 || this.#stopped) return;
    // One at a time: each is held, and waited for, until its own handler has ended.
    this.#isNextWhole = this.#work !== undefined;
    if (this.#isNextWhole) return;
    this.#running = this.#batch;
    this.#batch = [];
    const startedAt = now();
    this.#work = this.#run(this.#running).finally(() => {
      this.#slowestMs = Math.max(this.#slowestMs ?? 0, now() - startedAt);
      this.#work = undefined;
      this.#running = [];
      if (this.#isNextWhole) this.endBatch();
      this.#options.progressed();
    });
  }

  async idle(): Promise<void> {
    while (this.#work) await this.#work;
  }

  async stop(how: "cut" | "finish" | "drop"): Promise<boolean> {
    this.#stopped = true;
    const waiting = this.#batch;
    this.#batch = [];
    const cut = how === "cut" && this.#running.some(({ settled }) => !settled);
    if (how === "cut") this.#giveUp?.({ kind: "cut" });
    const released = how === "drop" ? [] : waiting.map((job) => this.#settle(job, { kind: "released" }));
    await Promise.all([this.#work, ...released]);
    return waiting.length > 0 || cut;
  }

  held(): RawMessage[] {
    return [...this.#running.filter(({ settled }) => !settled), ...this.#batch].map(({ msg }) => msg);
  }

  async #run(jobs: readonly Job[]): Promise<void> {
    const readable = await this.#readValues(jobs);
    if (readable.length === 0) return;
    const ends = await this.#callInTime(readable);
    await Promise.all(ends.map(([job, end]) => this.#settle(job, end)));
  }

  /**
   * Messages whose value cannot be had are settled for that, each for itself; the handler sees the others.
   */
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
  async #callInTime(jobs: readonly Job[]): Promise<readonly Ended[]> {
    const { context, deadline, handlerTimeoutMs, batchHandler } = this.#options;
    const { promise: givenUp, resolve } = Promise.withResolvers<readonly Ended[]>();
    const all = (end: HandlerEnd): Ended[] => jobs.map((job) => [job, end]);
    const abort = new AbortController();
    this.#giveUp = (end) => {
      resolve(all(end));
      abort.abort(timeIsUp());
    };
    // stop() may have come while the values were read.
    if (this.#stopped) this.#giveUp({ kind: "cut" });
    const overdue = (): void => this.#giveUp?.({ kind: "overdue" });
    const timer =
      handlerTimeoutMs === undefined ? undefined : setTimeout(overdue, clampDelay(handlerTimeoutMs));
    const call = async (): Promise<readonly Ended[]> => {
      try {
        const messages = jobs.map(({ message }) => message);
        const own = {
          ...context,
          signal: abort.signal,
          deadline: handlerDeadline(deadline, handlerTimeoutMs),
        };
        const result = batchHandler(messages, own);
        const later = stillToCome(result);
        return readResult(later ? await later : result, jobs);
      } catch (error) {
        return all({ kind: "threw", error });
      }
    };
    try {
      return await Promise.race([abort.signal.aborted ? givenUp : call(), givenUp]);
    } finally {
      clearTimeout(timer);
      this.#giveUp = undefined;
    }
  }

  async #settle(job: Job, end: HandlerEnd): Promise<void> {
    await this.#options.settle(job.msg, job.message, end);
    job.settled = true;
    if (end.kind !== "released") this.#handled += 1;
  }
}

function readResult(result: unknown, jobs: readonly Job[]): Ended[] {
  if (!Array.isArray(result)) {
    // One for all: a settlement, a Response, or nothing. What Lambda takes names some, by its own ids.
    const { batchItemFailures: named }: { batchItemFailures?: ArrayLike<unknown> } = Object(result);
    if (named?.length)
      throw new TypeError("batchItemFailures says nothing here: return one entry per message");
    const end = returned(result);
    return jobs.map((job) => [job, end]);
  }
  if (result.length !== jobs.length) throw new BatchLengthError(jobs.length, result.length);
  return jobs.map((job, at) => [job, returnedFor(result[at])]);
}

/** What one entry says, which may be what Promise.allSettled made of a promise. */
function returnedFor(entry: unknown): HandlerEnd {
  try {
    const { status, reason, value }: Readonly<Record<string, unknown>> = Object(entry);
    if (status === "rejected") return { kind: "threw", error: reason };
    return returned(status === "fulfilled" ? value : entry);
  } catch (error) {
    return { kind: "threw", error };
  }
}
