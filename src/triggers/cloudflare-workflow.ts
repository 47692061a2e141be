// A step of Cloudflare Workflows: a throw is retried as the step's config says, a NonRetryableError is not.
import type { Drain } from "../drain.ts";
import type { Report } from "../report/report.ts";
import { given, LIMITS_MS, runDrain, type TriggerOptions } from "./limit.ts";
import { orThrow } from "./throw.ts";

/** How a step ends for good. */
export interface StepOptions<Env> extends TriggerOptions<Env> {
  /** `NonRetryableError` of `cloudflare:workflows`, which only workerd can import. */
  readonly NonRetryableError: new (
    message: string,
  ) => Error;
}

/** The callback of a step, and how long Workflows is to wait before it calls it again. */
export interface DrainStep {
  (): Promise<Report>;
  /**
   * The last report's `retryAfterMs`, in milliseconds, 1000 where it has none: for the step's
   * `retries.delay`, with `backoff: "constant"`, as the report's wait has grown already.
   */
  readonly delay: () => number;
}

/** Where there is no report, or it says nothing of it. */
const DEFAULT_DELAY_MS = 1_000;

/**
 * The callback of `step.do`: returns the report when the drain completed, and throws when it did not.
 * Its `delay` passes the report's own wait on to the step's `retries`.
 *
 * @throws {DrainRetryableError} another try may help
 * @throws {NonRetryableError} only an operator can help
 * @example
 * export class Drains extends WorkflowEntrypoint<Env> {
 *   override async run(_event: unknown, step: WorkflowStep) {
 *     const drain = drainStep(orders, this.env, { NonRetryableError });
 *     const retries = { limit: 3, delay: drain.delay, backoff: "constant" } as const;
 *     await step.do("drain", { retries }, drain);
 *   }
 * }
 */
export function drainStep<Env>(drain: Drain<Env>, env: Env, options: StepOptions<Env>): DrainStep {
  let last: Report | undefined;
  const drained = async (): Promise<Report> => {
    const limitMs = given(options.limitMs, env) ?? LIMITS_MS.workflowStep;
    last = await runDrain(drain, env, { limitMs }, options.onReport);
    // Never with a name of its own: Workflows knows the error by its name, and retries any other.
    return orThrow(last, { fatal: ({ message }) => new options.NonRetryableError(message) });
  };
  // An error loses its properties on the way to the engine, so that it cannot carry the wait.
  return Object.assign(drained, { delay: () => last?.retryAfterMs ?? DEFAULT_DELAY_MS });
}
