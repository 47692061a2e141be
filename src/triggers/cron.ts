// The cron trigger of Workers: a run that returns is done, one that throws is marked failed, and the next tick is its retry.
import { type Drain, type Report, runInput } from "../index.ts";

/** What a cron invocation gives its handler, as far as it is used here. */
export interface CronController {
  /** Tells the scheduler that another try will not help. */
  noRetry(): void;
}

export interface ScheduledOptions<Env> {
  /** The drain's limit in milliseconds, or where the bindings have it. @default 55000, so that a minute's run has ended before the next */
  readonly limitMs?: number | ((env: Env) => number | undefined) | undefined;
  /** Called with each report, to log or count it. */
  readonly onReport?: ((report: Report) => void) | undefined;
}

/** Limit of a drain by cron, in milliseconds, where none is given. A cron invocation itself may take 15 minutes. */
export const CRON_LIMIT_MS = 55_000;

/** A drain did not complete. `code` is the report's reason, `report` is all of it. */
export class DrainError extends Error {
  readonly code: Report["reason"];
  readonly report: Report;
  constructor(report: Report) {
    super(`${report.outcome}: ${report.reason}: ${report.message}`);
    this.name = "DrainError";
    this.code = report.reason;
    this.report = report;
  }
}

/**
 * The `scheduled` handler of a Worker: returns when the drain completed, throws a {@link DrainError} when it did not, and calls
 * `noRetry()` first where another try will not help. The socket is gone by then: one that is not keeps the invocation running.
 */
export function scheduled<Env>(
  drain: Drain<Env>,
  options: ScheduledOptions<Env> = {},
): (controller: CronController, env: Env) => Promise<void> {
  return async (controller, env) => {
    const limitMs = typeof options.limitMs === "function" ? options.limitMs(env) : options.limitMs;
    const report = await drain.run(runInput(env, { limitMs: limitMs ?? CRON_LIMIT_MS }));
    options.onReport?.(report);
    if (report.outcome === "completed") return;
    if (report.outcome === "fatal") controller.noRetry();
    throw new DrainError(report);
  };
}
