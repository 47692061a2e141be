// The deployable Worker's dashboard and metrics: the library's, told where the Worker's vars have
// what they need.
import type { Hono } from "hono";
import { dashboardRoutes, readView } from "../dashboard/index.tsx";
import { LIMITS_MS } from "../triggers/fetch.ts";
import { limitMsOf, readConfig } from "../vars/config.ts";
import { drainToken } from "../vars/drain-token.ts";
import type { Vars } from "../vars/vars.ts";
import { drainsWithin } from "./fan-out.ts";
import { logReport } from "./log.ts";

const drain = drainsWithin(LIMITS_MS.http);

/** For `workerApp`. */
export const pages: Hono<{ Bindings: Vars }> = dashboardRoutes<Vars>({
  token: drainToken,
  view: (env) => readView(readConfig(env).options),
  drain: async (env) => {
    const report = await drain.run({ env, limitMs: limitMsOf(env) ?? LIMITS_MS.http });
    logReport(report);
    return report;
  },
});
