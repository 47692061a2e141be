// What every Lambda trigger shares: the limit is what Lambda has left, and the drain's env is the process's.
import type { Drain } from "../drain.ts";
import type { Report } from "../report/report.ts";
import { belowRemaining, given, runDrain, type TriggerOptions } from "./limit.ts";

/** What Lambda gives beside the event, as far as it is used here. */
export interface LambdaContext {
  /** Milliseconds until Lambda ends the invocation. */
  getRemainingTimeInMillis(): number;
}

/** One invocation's drain, within what Lambda has left or `limitMs`, whichever is less. */
export async function runInLambda<Env>(
  drain: Drain<Env>,
  context: Partial<LambdaContext> | undefined,
  { limitMs, onReport }: TriggerOptions<Env>,
): Promise<Report> {
  const env = process.env as Env; // what Lambda sets; the drain's own function reads and checks it
  const set = given(limitMs, env);
  // A call by hand, or by a test, may have no context.
  const leftMs = context?.getRemainingTimeInMillis?.();
  if (leftMs === undefined && set === undefined)
    throw new TypeError("limitMs: is not set, and the context does not tell what is left");
  const lowest = Math.min(
    leftMs === undefined ? Number.POSITIVE_INFINITY : belowRemaining(leftMs),
    set ?? Number.POSITIVE_INFINITY,
  );
  return await runDrain(drain, env, { limitMs: lowest }, onReport);
}
