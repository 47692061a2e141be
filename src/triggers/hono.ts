/**
 * `POST /drain` behind a bearer token, as a Hono app to serve or to mount.
 *
 * @module sluice/hono
 */
import type { Context } from "hono";
import { Hono } from "hono/tiny";
import type { Drain } from "../drain.ts";
import { bearer } from "./authorize.ts";
import { type DrainHandlerOptions, drainHandler, type FetchContext } from "./fetch.ts";
import type { Given } from "./limit.ts";

/** Who may call. */
export interface DrainRoutesOptions<Env> extends Omit<DrainHandlerOptions<Env>, "authorize"> {
  /**
   * The bearer token, or where the bindings have it. Without one, or with an empty one, every call
   * is refused.
   */
  readonly token: Given<Env, string>;
}

/** Hono's bindings are an object; a drain whose options use none has `unknown`. */
export type BindingsOf<Env> = Env extends object ? Env : object;

/**
 * A Hono app with one route, `POST /drain`. It answers the report: 200 when the drain completed,
 * 503 with `Retry-After` when another try may help, 500 when only an operator can; the last two as
 * problem details (RFC 9457) with the report's members.
 *
 * @example
 * export default new Hono().route("/jobs", drainRoutes(orders, { token: (env) => env.DRAIN_TOKEN }));
 */
export function drainRoutes<Env>(
  drain: Drain<Env>,
  { token, ...options }: DrainRoutesOptions<Env>,
): Hono<{ Bindings: BindingsOf<Env> }> {
  const handler = drainHandler(drain, { ...options, authorize: bearer(token) });
  const app = new Hono<{ Bindings: BindingsOf<Env> }>();
  const env = (c: Context): Env => c.env; // Hono's bindings are the drain's
  return app.all("/drain", (c) => handler(c.req.raw, env(c), contextOf(c)));
}

function contextOf(c: Context): FetchContext | undefined {
  try {
    return c.executionCtx;
  } catch {
    // Hono throws where the platform has none, as in Node.
    return undefined;
  }
}
