// The deployable Worker's HTTP routes, as an app that tests call without a server.
import { Hono } from "hono/tiny";
import { isInvalidOption } from "../checks.ts";
import { LIMITS_MS, problem } from "../triggers/fetch.ts";
import { drainRoutes } from "../triggers/hono.ts";
import { limitMsOf, readConfig } from "../vars/config.ts";
import { drainToken } from "../vars/drain-token.ts";
import type { Vars } from "../vars/vars.ts";
import { drainsWithin } from "./fan-out.ts";
import { logNotConfigured, logReport, logUnexpected } from "./log.ts";

const routes = drainRoutes(drainsWithin(LIMITS_MS.http), {
  token: drainToken,
  limitMs: limitMsOf,
  onReport: logReport,
});

/** The routes, and behind the same checks those of `pages`. */
export function workerApp(pages?: Hono<{ Bindings: Vars }>): Hono<{ Bindings: Vars }> {
  const app = new Hono<{ Bindings: Vars }>();
  app.get("/healthz", (c) => c.json({ status: "ok" }));
  // Before anything else, and whoever asks: the names of vars are no secret, and a Worker that cannot
  // work must say so.
  app.use(async (c, next) => {
    readConfig(c.env);
    drainToken(c.env);
    await next();
  });
  app.route("/", routes);
  if (pages) app.route("/", pages);
  // The path is the visitor's own text, so it is not repeated.
  app.notFound(() => problem({ status: 404, title: "Not Found", detail: "There is no such page." }));
  app.onError(answerError);
  return app;
}

/** The routes of the Worker without a dashboard. */
export const app: Hono<{ Bindings: Vars }> = workerApp();

function answerError(error: Error): Response {
  // Hono's own refusals, as of a form that another site sent: nothing is wrong with the Worker.
  if ("getResponse" in error && "status" in error && (error.status === 403 || error.status === 413))
    return problem({ status: error.status, title: "Refused", detail: "That is no form of this page." });
  if (isInvalidOption(error)) {
    logNotConfigured(error);
    const detail = `${error.option}: missing or malformed; the log says what is wrong.`;
    return problem({ status: 500, title: "The Worker is not configured", detail });
  }
  logUnexpected(error);
  const detail = "An unexpected error; the log has its name.";
  return problem({ status: 500, title: "Internal Server Error", detail });
}
