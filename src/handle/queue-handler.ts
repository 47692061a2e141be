// Runs an existing Cloudflare Queues consumer as a batch handler: with its MessageBatch, its
// Message and their rules.

import { checkType, invalidOption, show } from "../checks.ts";
import { type Deadline, nextTurn, now, waitUntil } from "../deadline.ts";
import type { Message } from "../message/message.ts";
import { ack, causeOf, retry, type Settlement, withCause } from "../settle/settlement.ts";
import type { BatchHandler } from "./batch-pool.ts";

/** How a retry is asked for. */
export interface QueueRetryOptions {
  /**
   * Wait before the next delivery, whole seconds, 0 to 86,400; what is outside becomes the nearer
   * end.
   * @default the drain's `retryDelay`
   */
  readonly delaySeconds?: number | undefined;
}

/** A message as a Queues consumer sees it. */
export interface QueueMessage<Body = unknown> {
  /** `${stream}:${sequence}`: the same for every delivery of this message. */
  readonly id: string;
  /** When the stream stored it. */
  readonly timestamp: Date;
  /** What the drain's codec and schema made of the message's data. */
  readonly body: Body;
  /** 1 for the first delivery. */
  readonly attempts: number;
  /**
   * The message is done, however the consumer ends. Ignored after `retry()`, and after `retryAll()`
   * on the batch.
   */
  ack(): void;
  /**
   * The message is to be delivered again. Ignored after `ack()`, and after `ackAll()`; of two
   * delays the last counts.
   */
  retry(options?: QueueRetryOptions): void;
}

/** What one Fetch delivered, as a Queues consumer sees it. */
export interface QueueBatch<Body = unknown> {
  /** The option `queue`, or the stream's name. */
  readonly queue: string;
  readonly messages: readonly QueueMessage<Body>[];
  /** What is left after this batch. JetStream does not say its bytes: they are 0. */
  readonly metadata: { readonly metrics: { readonly backlogCount: number; readonly backlogBytes: number } };
  /**
   * Acks every message that has no call of its own, however the consumer ends. Ignored after `retryAll()`.
   */
  ackAll(): void;
  /**
   * Retries every message that has no call of its own. Ignored after `ackAll()`; of two delays the
   * last counts.
   */
  retryAll(options?: QueueRetryOptions): void;
}

/** What there is of a Worker's `ExecutionContext`. */
export interface QueueContext {
  /**
   * Hands in work that is part of the consumer: the batch is settled when it has ended too, and it
   * failing fails the batch.
   */
  waitUntil(promise: Promise<unknown>): void;
  /** Does nothing, as in a Worker's own queue handler. */
  passThroughOnException(): void;
}

/** The `queue` handler of a Worker. One written for `@cloudflare/workers-types` fits as it is. */
export type QueueConsumer<Body = unknown, Env = unknown, Context = QueueContext> = (
  batch: QueueBatch<Body>,
  env: Env,
  context: Context,
) => void | Promise<void>;

/** How a consumer is run. */
export interface QueueHandlerOptions {
  /** What `batch.queue` says. @default the stream's name */
  readonly queue?: string | undefined;
}

/**
 * Makes the `queue` handler of a Worker the `batchHandler` of a drain. The rules are those of
 * Cloudflare Queues: the first of `ack()` and `retry()` on a message wins, and beats a later
 * `ackAll()` or `retryAll()`, of which again the first wins; returning acks the rest, throwing
 * retries the rest. Work given to `waitUntil` is part of the consumer, as it is in a Worker that
 * does not set `queue_consumer_no_wait_for_wait_until`. A call made after the end is ignored.
 *
 * `Body` is what the caller claims: codec `"json"` reads what Queues sends by default, and a
 * `schema` checks it. A consumer that is still at work when its time is up is not told; its batch
 * is settled by its calls until then, and what has none is retried.
 *
 * @example
 * const batchHandler = queueHandler((batch) => {
 *   for (const message of batch.messages) if (message.attempts < 3) message.retry({ delaySeconds: 60 });
 * });
 *
 * @throws {TypeError} `consumer` is no function, or `queue` no string
 * @see
 * https://developers.cloudflare.com/queues/configuration/batching-retries/#explicit-acknowledgement-and-retries
 */
export function queueHandler<Body = unknown, Env = unknown, Context = QueueContext>(
  consumer: QueueConsumer<Body, Env, Context>,
  options: QueueHandlerOptions = {},
): BatchHandler<Env, Body> {
  if (typeof consumer !== "function")
    throw invalidOption(TypeError, "consumer", "must be a function", show(consumer));
  checkType("queue", options.queue, "string");
  return async (messages, { env, deadline }) => {
    const calls = new Calls(messages.length);
    const invocation = new Invocation();
    const batch = makeBatch(messages, calls, options.queue);
    // An ExecutionContext has more than is here; QueueContext says what a consumer can use.
    invocation.start(() => consumer(batch, env, invocation.context as Context));
    const waited = await waitUntil(invocation.ended(), decideBy(deadline - Date.now()));
    return calls.settle(waited.done ? waited.value : TIME_IS_UP);
  };
}

// At the deadline itself the drain retries the whole of a batch, also what the consumer has acked:
// one that always takes longer than the limit would never get anywhere.
const DECIDE_BEFORE_MS = 50;

function decideBy(leftMs: number): Deadline {
  return now() + leftMs - Math.min(DECIDE_BEFORE_MS, leftMs / 10);
}

function makeBatch<Body>(
  messages: readonly Message<Body>[],
  calls: Calls,
  queue: string | undefined,
): QueueBatch<Body> {
  return {
    queue: queue ?? messages[0]?.stream ?? "",
    messages: messages.map(({ id, timestamp, value, deliveryCount }, at) => ({
      id,
      timestamp,
      body: value,
      attempts: deliveryCount,
      ack: () => calls.ack(at),
      retry: (options) => calls.retry(at, options),
    })),
    metadata: { metrics: { backlogCount: messages.at(-1)?.pending ?? 0, backlogBytes: 0 } },
    ackAll: () => calls.ackAll(),
    retryAll: (options) => calls.retryAll(options),
  };
}

/** What a consumer failed with. */
interface Failure {
  readonly error: unknown;
}

const TIME_IS_UP: Failure = { error: new DOMException("The queue consumer's time is up.", "TimeoutError") };

/** A consumer at work, with all that it hands to `waitUntil`. */
class Invocation {
  readonly #tasks: Promise<void>[] = [];
  #failure: Failure | undefined;

  readonly context: QueueContext = {
    waitUntil: (promise) => this.start(() => promise),
    passThroughOnException: () => {},
  };

  start(work: () => unknown): void {
    this.#tasks.push(this.#observe(work));
  }

  /** Resolves when all of it has ended, to its first failure. */
  async ended(): Promise<Failure | undefined> {
    // The iterator of an array sees what is pushed meanwhile, so work that hands in work is waited
    // for as well.
    for (const task of this.#tasks) await task;
    return this.#failure;
  }

  async #observe(work: () => unknown): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#failure ??= { error };
    }
    // workerd empties its microtask queue before it looks at the calls, so a `retry()` at the end
    // of a promise that nobody awaited still counts there (measured on 1.20261102); acking that
    // message here would lose it.
    await nextTurn();
  }
}

/** What was called on a message, or on its batch. */
interface Call {
  readonly kind: "ack" | "retry";
  readonly delaySeconds?: number | undefined;
}

/**
 * The calls on a batch, with the precedence that workerd gives them (src/workerd/api/queue.c++, and
 * measured on 1.20261102).
 */
class Calls {
  #batch: Call | undefined;
  readonly #messages: (Call | undefined)[];

  constructor(messages: number) {
    this.#messages = Array.from({ length: messages });
  }

  ack(at: number): void {
    if (!this.#batch) this.#messages[at] ??= { kind: "ack" };
  }

  retry(at: number, options?: QueueRetryOptions): void {
    if (this.#batch?.kind === "ack" || this.#messages[at]?.kind === "ack") return;
    this.#messages[at] = { kind: "retry", delaySeconds: options?.delaySeconds };
  }

  ackAll(): void {
    this.#batch ??= { kind: "ack" };
  }

  retryAll(options?: QueueRetryOptions): void {
    if (this.#batch?.kind === "ack") return;
    // Unlike a message, a batch keeps the delay it has when it is called again without one.
    this.#batch = { kind: "retry", delaySeconds: options?.delaySeconds ?? this.#batch?.delaySeconds };
  }

  /** What becomes of each message of a consumer that ended so. */
  settle(failure: Failure | undefined): Settlement[] {
    const settled = this.#messages.map((call) => settlementOf(call, this.#batch, failure));
    // Somebody has to hear of the failure, also where it retries nothing.
    if (!failure || settled.some(causeOf)) return settled;
    return settled.map((settlement, at) => (at === 0 ? withCause(settlement, failure.error) : settlement));
  }
}

function settlementOf(
  call: Call | undefined,
  batch: Call | undefined,
  failure: Failure | undefined,
): Settlement {
  const { kind } = call ?? batch ?? {};
  switch (kind) {
    case "ack":
      return ack();
    case "retry":
      return retryAfter(call?.delaySeconds ?? batch?.delaySeconds);
    case undefined:
      return failure ? withCause(retry(), failure.error) : ack();
    default:
      return kind satisfies never;
  }
}

// Queues' own limit.
const MAX_DELAY_SECONDS = 86_400;

/**
 * As workerd reads a delay: a fraction is cut off, and what is not finite is 0. One out of Queues'
 * range becomes the nearer end.
 */
function retryAfter(delaySeconds: number | undefined): Settlement {
  if (delaySeconds === undefined) return retry();
  const whole = Number.isFinite(delaySeconds) ? Math.trunc(delaySeconds) : 0;
  return retry({ delayMs: Math.min(Math.max(0, whole), MAX_DELAY_SECONDS) * 1_000 });
}
