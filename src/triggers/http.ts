// The HTTP trigger: POST /drain, behind a bearer token, for a scheduler that calls an URL.
import { type Context, Hono, type MiddlewareHandler } from "hono";
import { bearerAuth } from "hono/bearer-auth";
import { HTTPException } from "hono/http-exception";
import { timingSafeEqual } from "hono/utils/buffer";
import { type Drain, type Outcome, REASONS, type Report, type RunExtras, runInput } from "../index.ts";

export interface DrainRoutesOptions<Env> {
  /** The bearer token, or where the bindings have it. Without one, or with an empty one, every call is refused. */
  readonly token: string | ((env: Env) => string | undefined);
  /** The drain's limit in milliseconds, or where the bindings have it. @default 25000, below the 30 s that HTTP clients wait as a rule */
  readonly limitMs?: number | ((env: Env) => number | undefined) | undefined;
  /** Called with each report, to log or count it. */
  readonly onReport?: ((report: Report) => void) | undefined;
}

/** Limit of a drain over HTTP, in milliseconds, where none is given. */
export const HTTP_LIMIT_MS = 25_000;

const STATUS: Readonly<Record<Outcome, 200 | 503 | 500>> = { completed: 200, retryable: 503, fatal: 500 };

/**
 * A Hono app with one route, `POST /drain`, to serve or to mount anywhere. It answers the report: 200 when the drain completed,
 * 503 with `Retry-After` when another try may help, 500 when only an operator can; the last two as problem details (RFC 9457)
 * with the report's members.
 */
export function drainRoutes<Env extends object>(
  drain: Drain<Env>,
  options: DrainRoutesOptions<Env>,
): Hono<{ Bindings: Env }> {
  const app = new Hono<{ Bindings: Env }>();
  const { onReport } = options;
  app.use("/drain", requireToken(options.token));
  app.post("/drain", async (c) => {
    const limitMs = given(options.limitMs, c.env) ?? HTTP_LIMIT_MS;
    const report = await drain.run(runInput(c.env, { limitMs, waitUntil: waitUntilOf(c) }));
    onReport?.(report);
    return reportResponse(report);
  });
  app.all("/drain", () =>
    problem({ status: 405, title: "Method Not Allowed", detail: "POST drains." }, { Allow: "POST" }),
  );
  return app;
}

/** The report as a response. */
export function reportResponse(report: Report): Response {
  const status = STATUS[report.outcome];
  if (status === 200) return Response.json(report);
  const retryAfter = Math.ceil((report.retryAfterMs ?? 1_000) / 1_000);
  return problem(
    {
      type: `urn:sluice:reason:${report.reason}`,
      title: REASONS[report.reason].meaning,
      status,
      detail: report.message,
      ...report,
    },
    status === 503 ? { "Retry-After": String(retryAfter) } : {},
  );
}

/** Problem details as RFC 9457 has them. */
export function problem(
  body: { readonly status: number; readonly title: string; readonly detail: string; readonly type?: string },
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new Response(JSON.stringify(body), {
    status: body.status,
    headers: { "Content-Type": "application/problem+json", "Cache-Control": "no-store", ...headers },
  });
}

/** Lets a request pass that has the token, compared in constant time; refuses all where none is configured. */
export function requireToken<Env extends object>(
  token: Given<Env, string>,
): MiddlewareHandler<{ Bindings: Env }> {
  return async (c, next) => {
    const expected = given(token, c.env);
    if (!expected) {
      const detail = "No bearer token is configured (DRAIN_TOKEN), so every call is refused.";
      return problem({ status: 500, title: "Not configured", detail });
    }
    const refusal = (detail: string) => () => problem({ status: 401, title: "Unauthorized", detail });
    const check = bearerAuth<{ Bindings: Env }>({
      verifyToken: (offered) => timingSafeEqual(offered, expected),
      noAuthenticationHeader: {
        message: refusal("A bearer token is needed: Authorization: Bearer <token>."),
      },
      invalidAuthenticationHeader: { message: refusal("The Authorization header is not a bearer token.") },
      invalidToken: { message: refusal("The bearer token is not the right one.") },
    });
    try {
      return await check(c, next);
    } catch (error) {
      // Answered here, or an error handler of the app that this is mounted in would have to know of it.
      if (error instanceof HTTPException) return error.getResponse();
      throw error;
    }
  };
}

/** A setting, or where the bindings have it. */
type Given<Env, T extends string | number> = T | ((env: Env) => T | undefined) | undefined;

function given<Env, T extends string | number>(value: Given<Env, T>, env: Env): T | undefined {
  return typeof value === "function" ? value(env) : value;
}

function waitUntilOf(c: Context): RunExtras["waitUntil"] {
  try {
    const { executionCtx } = c;
    return (promise) => executionCtx.waitUntil(promise);
  } catch {
    // Hono throws where the platform has none, as in Node.
    return undefined;
  }
}
