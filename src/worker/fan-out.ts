// What DRAINS makes of an invocation: it drains, and calls this Worker's own entry point for as many
// drains beside it as the backlog is worth, or sends a queue's message for each.
import type { Drain, Report } from "../index.ts";
import { type DrainCall, drainOnMessage, fanOut } from "../triggers/cloudflare.ts";
import { LIMITS_MS } from "../triggers/limit.ts";
import { drainsOf, limitMsOf } from "../vars/config.ts";
import type { Vars } from "../vars/vars.ts";
import { drainWithin } from "./drain.ts";
import { logReport } from "./log.ts";

/** A context of workerd's, as far as it is used here. */
interface Context {
  readonly exports?: object;
}

const together = fanOut<Vars>({ max: drainsOf, self: ({ SELF }) => SELF });
const queued = fanOut<Vars>({ max: drainsOf, queue: ({ DRAINS_QUEUE }) => DRAINS_QUEUE });

/** As {@link drainWithin}, and with DRAINS above 1 several at once. */
export function drainsWithin(presetLimitMs: number): Drain<Vars> {
  const alone = drainWithin(presetLimitMs);
  const several = together(alone);
  const throughQueue = queued(alone);
  const chosen = (vars: Vars): Drain<Vars> => {
    if (drainsOf(vars) === 1) return alone;
    return vars.DRAINS_QUEUE ? throughQueue : several;
  };
  return { run: (input) => chosen(input.env).run(input) };
}

/**
 * The vars, and in them how this Worker calls itself: the binding SELF, or what workerd gives for
 * its exports.
 */
export function withSelf<V extends Vars>(vars: V, { exports }: Context): V {
  if (vars.SELF || vars.DRAINS_QUEUE || drainsOf(vars) === 1) return vars;
  const { Drains } = (exports ?? {}) as { readonly Drains?: Vars["SELF"] }; // both entries export it
  return { ...vars, SELF: Drains };
}

const called = drainWithin(LIMITS_MS.cron);

/** What the entry point does for its caller, who logs the report. */
export async function drainCalled(vars: Vars, { limitMs }: DrainCall): Promise<Report> {
  return await called.run({ env: vars, limitMs });
}

/** What a message of the queue starts: one drain, which sends none. */
export const onMessage: ReturnType<typeof drainOnMessage<Vars>> = drainOnMessage(
  drainWithin(LIMITS_MS.queue),
  { limitMs: limitMsOf, onReport: logReport },
);
