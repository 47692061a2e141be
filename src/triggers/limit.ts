// The one limit contract of the triggers: what the platform says is left, else a preset
// below its limit.
import { type Drain, type Limit, type RunExtras, runInput } from "../drain.ts";
import type { Report } from "../report/report.ts";

/** A setting, or where the bindings have it. */
export type Given<Env, T extends string | number> = T | ((env: Env) => T | undefined) | undefined;

/** What every trigger takes. */
export interface TriggerOptions<Env> {
  /**
   * The drain's limit in milliseconds, or where the bindings have it.
   * @default the trigger's preset of {@link LIMITS_MS}
   */
  readonly limitMs?: Given<Env, number>;
  /**
   * Called with each report, to log or count it. A promise is waited for: the platform may stop
   * the invocation when the handler returns.
   */
  readonly onReport?: ((report: Report) => void | Promise<void>) | undefined;
}

/**
 * The preset of each trigger in milliseconds: a margin below what the platform allows
 * (docs/platforms.md has the sources).
 */
export const LIMITS_MS = {
  /** A cron invocation may take 15 minutes; a minute's run has ended before the next. */
  cron: 55_000,
  /** HTTP clients wait 30 s as a rule. */
  http: 25_000,
  /** A Queues consumer may take 15 minutes; its batch is held for that long. */
  queue: 55_000,
  /** A Workflows step has 10 minutes unless its `timeout` says otherwise. */
  workflowStep: 540_000,
  /** A Durable Object's alarm may take 15 minutes. */
  alarm: 840_000,
  /** Deno Deploy states no limit of a cron run; a minute's run has ended before the next. */
  denoCron: 55_000,
  /** Netlify gives a scheduled function 30 s. */
  netlifyScheduled: 25_000,
  /** Netlify gives a function that is called over HTTP 60 s. */
  netlify: 55_000,
  /** Netlify gives a background function 15 minutes. */
  netlifyBackground: 840_000,
  /** Supabase answers 504 for a function that has not answered in 150 s. */
  supabase: 140_000,
  /** Cloud Run functions have 60 s unless they say otherwise, Cloud Run services 5 minutes. */
  google: 55_000,
  /** Azure gives 5 minutes on the Consumption plan; a minute's run has ended before the next. */
  azure: 55_000,
} as const;

/** Of a request by which a drain calls another: the called one calls none. */
export const ALONE_HEADER = "Sluice-Alone";

/** The value of a setting, which may be in the bindings. */
export function given<Env, T extends string | number>(value: Given<Env, T>, env: Env): T | undefined {
  return typeof value === "function" ? value(env) : value;
}

/**
 * What of the platform's remaining time a drain may take, in milliseconds: all but a tenth, 500 ms
 * at most, in which the answer leaves the function.
 */
export function belowRemaining(remainingMs: number): number {
  return Math.floor(remainingMs - Math.min(500, remainingMs / 10));
}

/** Runs the drain of one invocation, and tells its report. Every trigger does its work here. */
export async function runDrain<Env>(
  drain: Drain<Env>,
  env: Env,
  input: Limit & RunExtras,
  onReport: TriggerOptions<Env>["onReport"],
): Promise<Report> {
  const report = await drain.run(runInput(env, input));
  await onReport?.(report);
  return report;
}
