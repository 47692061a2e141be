// The cron trigger of Workers and of Bun: a run that returns is done, one that throws is marked failed.
import type { Drain } from "../drain.ts";
import { given, LIMITS_MS, runDrain, type TriggerOptions } from "./limit.ts";
import { orThrow } from "./throw.ts";

/** What a cron invocation gives its handler, as far as it is used here. Bun.cron in a process gives none. */
export interface CronController {
  /** Tells the scheduler that another try will not help. Bun's controller has none. */
  noRetry?(): void;
}

/**
 * The `scheduled` handler of a Worker: returns when the drain completed, throws when it did not,
 * and calls `noRetry()` first where another try will not help. The socket is gone by then: one that
 * is not keeps the invocation running.
 *
 * @example
 * export default { scheduled: scheduled(orders) };
 */
export function scheduled<Env>(
  drain: Drain<Env>,
  options: TriggerOptions<Env> = {},
): (controller?: CronController, env?: Env) => Promise<void> {
  return async (controller, bindings) => {
    const env = bindings as Env; // left out only where Env is unknown, and then undefined is one
    const limitMs = given(options.limitMs, env) ?? LIMITS_MS.cron;
    const report = await runDrain(drain, env, { limitMs }, options.onReport);
    if (report.outcome === "fatal") controller?.noRetry?.();
    orThrow(report);
  };
}
