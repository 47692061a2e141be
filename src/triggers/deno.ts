/**
 * A drain as the handler of Deno.cron, which retries what throws by its backoffSchedule and nothing
 * else.
 *
 * @module sluice/deno
 */
import type { Drain } from "../drain.ts";
import { given, LIMITS_MS, runDrain, type TriggerOptions } from "./limit.ts";
import { logFatal, orThrow } from "./throw.ts";

export type { TriggerOptions } from "./limit.ts";
export { DrainError, DrainFatalError, DrainRetryableError, type ErrorMapping, orThrow } from "./throw.ts";

/** Waits between the tries of one tick, in milliseconds. Deno takes five at most, each of an hour at most. */
export const BACKOFF_SCHEDULE: number[] = [1_000, 5_000, 30_000];

/** What {@link drainCron} takes beside the drain. */
export interface DenoCronOptions<Env> extends TriggerOptions<Env> {
  /** The drain's `env`, made at each run. @default undefined */
  readonly env?: (() => Env) | undefined;
}

/**
 * The handler of `Deno.cron`: throws where another try may help. Where only an operator can help it
 * returns, since a throw would be retried: `onReport` hears of it, or else the log does.
 *
 * @throws {DrainRetryableError} another try may help
 * @example
 * Deno.cron("drain orders", "* * * * *", { backoffSchedule: BACKOFF_SCHEDULE }, drainCron(orders));
 */
export function drainCron<Env>(drain: Drain<Env>, options: DenoCronOptions<Env> = {}): () => Promise<void> {
  return async () => {
    const env = options.env?.() as Env; // left out only where Env is unknown, and then undefined is one
    const limitMs = given(options.limitMs, env) ?? LIMITS_MS.denoCron;
    const report = await runDrain(drain, env, { limitMs }, options.onReport);
    if (report.outcome !== "fatal") return void orThrow(report);
    logFatal(report, options.onReport);
  };
}
