// Several drains of one consumer at once: the invocation that the platform started learns the
// backlog from its own first answer, and calls its own Worker for as many drains beside it.
import { checkWholeNumber, invalidOption } from "../checks.ts";
import { now, timer } from "../deadline.ts";
import type { RunInput } from "../drain.ts";
import { type Backlog, type Drain, type Limit, MIN_LIMIT_MS, type Report } from "../index.ts";
import { type MergedReport, mergeReports } from "../report/merge.ts";
import { drainCount } from "./drain-count.ts";
import { type DrainQueue, sendToQueue } from "./fan-out-queue.ts";
import { belowRemaining, type Given, given } from "./limit.ts";
import { lostReport, reportIn } from "./lost-report.ts";

/** What a called drain is given. Plain data, so that it crosses an RPC. */
export interface DrainCall {
  /** The drain's limit, in milliseconds. */
  readonly limitMs: number;
  /** It must call no others: hand it to `run` with the limit. */
  readonly alone: true;
}

/** This Worker, as it calls itself: a service binding or a member of `ctx.exports` with such a method. */
export interface Self {
  /** Runs one drain, and resolves to its report. */
  drain(call: DrainCall): Promise<Report>;
}

/** How many drains, and what to call for each, or which queue to send a message for each. */
export type FanOutOptions<Env> = FanOutMax<Env> & (FanOutSelf<Env> | FanOutQueue<Env>);

/** How many drains. */
export interface FanOutMax<Env> {
  /**
   * Drains at once at most, the caller's own among them, or where the bindings have it. Whole
   * number, 1 to 32 with `self`: Workers take so many invocations in one request. Up to 251 with
   * `queue`: 250 is the most that a consumer's `max_concurrency` may be.
   */
  readonly max: Given<Env, number>;
}

/** The Worker calls itself, and has each report. */
export interface FanOutSelf<Env> {
  /** What to call for each drain beside the own, or where the bindings have it. */
  readonly self: Self | ((env: Env) => Self | undefined);
  readonly queue?: undefined;
}

/** The Worker sends itself messages. */
export interface FanOutQueue<Env> {
  /**
   * Where the bindings have the producer of a Queue that takes a message for each drain beside the
   * own. Its consumer has `max_batch_size` 1 and the handler that `drainOnMessage` makes of the
   * drain alone. Those drains are not in the report, but for a message that the Queue did not take.
   */
  readonly queue: (env: Env) => DrainQueue | undefined;
  readonly self?: undefined;
}

/** A drain that calls others. */
export interface FanOut<Env> extends Drain<Env> {
  run(input: RunInput<Env>): Promise<MergedReport>;
}

const MAX_CALLED = 32;
const MAX_QUEUED = 251;

/**
 * Makes a drain of several: it drains, and where the backlog is worth more than one drain it calls
 * `self.drain` for others beside it, or sends a queue's message for each, within `max` and the
 * consumer's max ack pending and max waiting. Its report has the sum of the counts, the worst
 * outcome, and each report in `drains`. A call that fails, or is not back within the limit, is told
 * as `connection-lost`, retryable, and loses no other's report. Drains at once keep no order between
 * them, `orderBy` included.
 *
 * @throws {RangeError} `max` is no whole number in its range
 * @throws {TypeError} `self` is missing, and `queue` too
 * @example
 * const many = fanOut<Env>({ max: 4, self: (env) => env.SELF })(orders);
 * export default { scheduled: scheduled(many) };
 * export class Drains extends WorkerEntrypoint<Env> {
 *   drain(call: DrainCall) {
 *     return many.run({ env: this.env, ...call });
 *   }
 * }
 */
export function fanOut<Env>(options: FanOutOptions<Env>): (drain: Drain<Env>) => FanOut<Env> {
  if (typeof options.max !== "function") checkMax(options.max, options);
  if (!options.self && !options.queue)
    throw invalidOption(TypeError, "self", "is what to call for another drain, and is missing");
  return (drain) => ({
    run(input) {
      const running = runTogether(drain, input, options);
      try {
        input.waitUntil?.(running.catch(() => {}));
      } catch {
        // As for a drain alone: it runs, and its caller waits for it all the same.
      }
      return running;
    },
  });
}

async function runTogether<Env>(
  drain: Drain<Env>,
  input: RunInput<Env>,
  options: FanOutOptions<Env>,
): Promise<MergedReport> {
  const startedAt = now();
  const env = input.env as Env; // left out only where Env is unknown, and then undefined is one
  const max = input.alone ? 1 : (given(options.max, env) ?? 1);
  checkMax(max, options);
  const leftMs = leftOf(input, startedAt);
  const calls: Promise<readonly Report[]>[] = [];
  const onBacklog = (backlog: Backlog): void => {
    input.onBacklog?.(backlog);
    const left = leftMs();
    if (!(belowRemaining(left) >= MIN_LIMIT_MS)) return;
    const others = drainCount(backlog, max) - 1;
    if (others === 0) return;
    if (options.queue) calls.push(sendToQueue(options.queue(env), others, backlog));
    else calls.push(callOthers(others, () => callSelf(options.self, env, backlog, left, input.signal)));
  };
  const { waitUntil: _, ...rest } = input;
  const told = max === 1 ? rest : { ...rest, onBacklog };
  const own = await drain.run(told as RunInput<Env>); // of the same branch as input
  return mergeReports(own, (await Promise.all(calls)).flat(), now() - startedAt);
}

async function callOthers(others: number, call: () => Promise<Report>): Promise<readonly Report[]> {
  return await Promise.all(Array.from({ length: others }, call));
}

/** One drain beside the own. Resolves within `leftMs` whatever the other does, and never rejects. */
async function callSelf<Env>(
  self: FanOutSelf<Env>["self"],
  env: Env,
  backlog: Backlog,
  leftMs: number,
  signal: AbortSignal | undefined,
): Promise<Report> {
  const startedAt = new Date();
  const limitMs = belowRemaining(leftMs);
  // Of what the answer has to leave the function, half is the other's way back.
  const late = timer((leftMs + limitMs) / 2);
  const aborted = Promise.withResolvers<string>();
  const onAbort = (): void => aborted.resolve("the caller was aborted");
  signal?.addEventListener("abort", onAbort, { once: true });
  if (signal?.aborted) onAbort();
  const lost = (why: string): Report => lostReport(why, backlog, startedAt);
  try {
    const asked = Promise.resolve(selfOf(self, env)?.drain({ limitMs, alone: true }));
    const answered = asked.then((answer) => reportIn(answer) ?? lost("its answer was no report"));
    return await Promise.race([
      answered,
      late.fired.then(() => lost("it did not answer within the limit")),
      aborted.promise.then(lost),
    ]);
  } catch (error) {
    return lost(error instanceof Error ? `${error.name}: ${error.message}` : typeof error);
  } finally {
    late.cancel();
    signal?.removeEventListener("abort", onAbort);
  }
}

/** A binding of workerd's may be callable too; only a plain function asks for the bindings. */
function selfOf<Env>(self: FanOutSelf<Env>["self"], env: Env): Self | undefined {
  const plain = typeof self === "function" && Object.getPrototypeOf(self) === Function.prototype;
  return plain ? (self as (env: Env) => Self | undefined)(env) : (self as Self);
}

/** What is left of the limit, asked when it matters. */
function leftOf(input: Limit, startedAt: number): () => number {
  const { limitMs, remainingMs } = input;
  return () => (remainingMs ? remainingMs() : Number(limitMs) - (now() - startedAt));
}

function checkMax(max: number | undefined, { queue }: { readonly queue?: unknown }): void {
  checkWholeNumber("max", max ?? Number.NaN, 1, queue ? MAX_QUEUED : MAX_CALLED);
}
