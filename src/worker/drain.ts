// The deployable Worker's drain: each message becomes a POST to the target.
import { targetTimeoutMs } from "../budget.ts";
import { type Drain, type DrainOptions, defineDrain, planBudget, type Report } from "../index.ts";
import { readConfig } from "../vars/config.ts";
import { insecureTarget, readTarget } from "../vars/target-url.ts";
import type { Vars } from "../vars/vars.ts";
import { eventConstants } from "./event-headers.ts";
import { forward } from "./forward.ts";
import { logHandlerError } from "./log.ts";

/** The Worker's drain, where LIMIT_MS does not say otherwise within `presetLimitMs` milliseconds. */
export function drainWithin(presetLimitMs: number): Drain<Vars> {
  const drain = defineDrain<Vars>((env): DrainOptions<Vars> => {
    const { options, targetUrl, target, forwardHeaders, limitMs } = readConfig(env);
    const constants = eventConstants(options.stream, options.consumer, forwardHeaders);
    const destination = { url: targetUrl, target, constants };
    const budget = planBudget(limitMs ?? presetLimitMs, options);
    return {
      ...options,
      handlerTimeoutMs: options.handlerTimeoutMs ?? targetTimeoutMs(budget),
      handler: (message, { signal }) => forward(message, destination, signal),
      onError: logHandlerError,
    };
  });
  return { run: async (input) => tellTarget(await drain.run(input), input.env) };
}

/** The report, with a finding where events leave for the target unencrypted. */
function tellTarget(report: Report, vars: Vars): Report {
  const origin = report.reason === "invalid-options" ? undefined : insecureTarget(readTarget(vars, true));
  if (origin === undefined) return report;
  const message = `Events go to the target unencrypted (ALLOW_INSECURE): ${origin}.`;
  return { ...report, findings: [...report.findings, { code: "insecure-connection", message }] };
}
