// What DRAINS makes of an invocation: it drains, and calls this Worker's own entry point for as many
// drains beside it as the backlog is worth.
import type { Drain, Report } from "../index.ts";
import { type DrainCall, fanOut } from "../triggers/cloudflare.ts";
import { LIMITS_MS } from "../triggers/limit.ts";
import { drainsOf } from "./config.ts";
import { drainWithin } from "./drain.ts";
import type { Vars } from "./vars.ts";

/** A context of workerd's, as far as it is used here. */
interface Context {
  readonly exports?: object;
}

const together = fanOut<Vars>({ max: drainsOf, self: ({ SELF }) => SELF });

/** As {@link drainWithin}, and with DRAINS above 1 several at once. */
export function drainsWithin(presetLimitMs: number): Drain<Vars> {
  const alone = drainWithin(presetLimitMs);
  const several = together(alone);
  return { run: (input) => (drainsOf(input.env) === 1 ? alone : several).run(input) };
}

/**
 * The vars, and in them how this Worker calls itself: the binding SELF, or what workerd gives for
 * its exports.
 */
export function withSelf<V extends Vars>(vars: V, { exports }: Context): V {
  if (vars.SELF || drainsOf(vars) === 1) return vars;
  const { Drains } = (exports ?? {}) as { readonly Drains?: Vars["SELF"] }; // both entries export it
  return { ...vars, SELF: Drains };
}

const called = drainWithin(LIMITS_MS.cron);

/** What the entry point does for its caller, who logs the report. */
export async function drainCalled(vars: Vars, { limitMs }: DrainCall): Promise<Report> {
  return await called.run({ env: vars, limitMs });
}
