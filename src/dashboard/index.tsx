/**
 * The dashboard and the metrics as a Hono app, to serve or to mount at the root.
 *
 * @module sluice/dashboard
 */
import { type Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { csrf } from "hono/csrf";
import type { Child } from "hono/jsx";
import type { Report } from "../index.ts";
import { PROMETHEUS_TYPE, prometheus } from "../observe/prometheus.ts";
import { bearer } from "../triggers/authorize.ts";
import { keepReport, withKept } from "./last-report.ts";
import { DashboardPage, LoginPage, type View } from "./page.tsx";
import { hasSession, logIn, logOut } from "./session.ts";

export type { View } from "./page.tsx";
export { readView } from "./view.ts";

/** Who may look, at what, and what the button does. */
export interface DashboardOptions<Env> {
  /** The token to log in with, and the bearer token of `GET /metrics`. It signs the sessions, too. */
  readonly token: (env: Env) => string;
  /** What to show: the consumer's state and its reports, oldest first. Called for each page. */
  readonly view: (env: Env) => Promise<View>;
  /** Drains once, for the button. Resolves to the report, which `view` then shows. */
  readonly drain: (env: Env) => Promise<Report>;
}

/**
 * The routes `GET /`, `POST /login`, `POST /logout`, `POST /drain-now` and `GET /metrics`
 * (Prometheus text). A login lasts eight hours. No page loads anything from elsewhere, and none has
 * a script.
 *
 * @example
 * const token = (env: Env) => env.DRAIN_TOKEN;
 * const view = (env: Env) => readView({ ...options, servers: env.NATS_URL });
 * const drain = (env: Env) => orders.run({ env, limitMs: 25_000 });
 * export default new Hono<{ Bindings: Env }>().route("/", dashboardRoutes({ token, view, drain }));
 */
export function dashboardRoutes<Env extends object>(options: DashboardOptions<Env>): Hono<{ Bindings: Env }> {
  const app = new Hono<{ Bindings: Env }>();
  const { token, view, drain } = options;
  // A browser names the page that a form was sent from: one of another site is refused.
  for (const path of ["/login", "/logout", "/drain-now"]) app.use(path, csrf());

  // Before anything is known of who sends it: far more than a token and its field.
  app.use("/login", bodyLimit({ maxSize: 16_384 }));

  app.get("/", async (c) => {
    if (!(await hasSession(c, token(c.env))))
      return page(c, 401, (nonce) => <LoginPage nonce={nonce} refused={false} />);
    const known = await view(c.env);
    const shown = { ...known, reports: await withKept(c, known.reports, token(c.env)) };
    const selected = Number(c.req.query("drain") ?? Number.NaN);
    return page(c, 200, (nonce) => <DashboardPage nonce={nonce} view={shown} selected={selected} />);
  });
  app.post("/login", async (c) => {
    // A form that cannot be read has no token.
    const { token: offered } = await c.req.parseBody().catch(() => ({ token: undefined }));
    if (await logIn(c, offered, token(c.env))) return c.redirect("/", 303);
    return page(c, 401, (nonce) => <LoginPage nonce={nonce} refused={true} />);
  });
  app.post("/logout", (c) => {
    logOut(c);
    return c.redirect("/", 303);
  });
  app.post("/drain-now", async (c) => {
    if (await hasSession(c, token(c.env))) {
      await keepReport(c, await keptAlive(c, drain(c.env)), token(c.env));
    }
    return c.redirect("/", 303);
  });
  const authorize = bearer<Env>(token);
  app.get("/metrics", async (c) => {
    const allowed = await authorize(c.req.raw, c.env);
    if (allowed instanceof Response) return allowed;
    if (!allowed) return c.body(null, 401);
    const { stream, consumer, state, reports, totals } = await view(c.env);
    const text = prometheus(reports, state && { stream, consumer, ...state }, totals);
    return c.body(text, 200, { "Content-Type": PROMETHEUS_TYPE, "Cache-Control": "no-store" });
  });
  return app;
}

/** The drain ends as it should also when the visitor goes away, where the platform has a `waitUntil`. */
async function keptAlive(c: Context, draining: Promise<Report>): Promise<Report> {
  try {
    c.executionCtx.waitUntil(draining.catch(() => {}));
  } catch {
    // Hono throws where the platform has none, as in Node.
  }
  return await draining;
}

function page(c: Context, status: 200 | 401, render: (nonce: string) => Child): Response | Promise<Response> {
  const nonce = crypto.randomUUID();
  const policy = [
    "default-src 'none'",
    `style-src 'nonce-${nonce}'`,
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ];
  c.header("Content-Security-Policy", policy.join("; "));
  c.header("Cache-Control", "no-store");
  c.header("Referrer-Policy", "same-origin");
  c.header("X-Content-Type-Options", "nosniff");
  return c.html(`<!doctype html>${render(nonce)}`, status);
}
