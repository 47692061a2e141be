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

/**
 * The callback of `step.do`: returns the report when the drain completed, and throws when it did not.
 *
 * @throws {DrainRetryableError} another try may help
 * @throws {NonRetryableError} only an operator can help
 * @example
 * export class Drains extends WorkflowEntrypoint<Env> {
 *   override async run(_event: unknown, step: WorkflowStep) {
 *     await step.do("drain", drainStep(orders, this.env, { NonRetryableError }));
 *   }
 * }
 */
export function drainStep<Env>(
  drain: Drain<Env>,
  env: Env,
  options: StepOptions<Env>,
): () => Promise<Report> {
  return async () => {
    const limitMs = given(options.limitMs, env) ?? LIMITS_MS.workflowStep;
    const report = await runDrain(drain, env, { limitMs }, options.onReport);
    // Never with a name of its own: Workflows knows the error by its name, and retries any other.
    return orThrow(report, { fatal: ({ message }) => new options.NonRetryableError(message) });
  };
}
