/**
 * A drain behind a URL, as the plain function from a Request to a Response that every runtime
 * serves.
 *
 * @module sluice/fetch
 */
import { MIN_LIMIT_MS } from "../budget.ts";
import { invalidOption } from "../checks.ts";
import type { Drain, RunExtras } from "../drain.ts";
import { type Authorize, refusal } from "./authorize.ts";
import { ALONE_HEADER, belowRemaining, given, LIMITS_MS, runDrain, type TriggerOptions } from "./limit.ts";
import { problem, reportResponse, type StatusTable } from "./status.ts";

export { type Authorize, type BearerOptions, bearer } from "./authorize.ts";
export { type Given, LIMITS_MS, type TriggerOptions } from "./limit.ts";
export { problem, reportResponse, STATUS, type StatusTable } from "./status.ts";
export {
  DrainError,
  DrainFatalError,
  DrainRetryableError,
  type ErrorMapping,
  orThrow,
} from "./throw.ts";

/** Who may call, how, and what is answered. */
export interface DrainHandlerOptions<Env> extends TriggerOptions<Env> {
  /**
   * Who may start the drain. There is no default: `() => true` opens it, where the platform itself
   * asks who calls.
   */
  readonly authorize: Authorize<Env>;
  /** Methods that drain. @default ["POST"] */
  readonly methods?: readonly string[] | undefined;
  /** What the platform has left, in milliseconds, where it tells; the smaller of it and `limitMs` counts. */
  readonly remainingMs?: ((env: Env) => number | undefined) | undefined;
  /**
   * Header of the request that lowers its limit, in milliseconds; it never raises one.
   * @default "Sluice-Limit-Ms"
   */
  readonly limitHeader?: string | undefined;
  /** The status of each outcome. @default 200, 503 with `Retry-After`, 500 */
  readonly status?: StatusTable | undefined;
}

/** What the runtime may give beside the request, as far as it is used here. */
export interface FetchContext {
  /** Keeps the invocation alive until the promise has settled. */
  waitUntil?(promise: Promise<unknown>): void;
}

/** A handler of requests. Workers give `env` and `context`; elsewhere both may be left out. */
export type DrainHandler<Env> = (request: Request, env?: Env, context?: FetchContext) => Promise<Response>;

/**
 * A drain behind a URL. It asks who calls before anything else, answers the report, and drains only
 * for `methods`.
 *
 * @throws {TypeError} `authorize` is missing
 * @example
 * export default { fetch: drainHandler(orders, { authorize: bearer((env) => env.DRAIN_TOKEN) }) };
 */
export function drainHandler<Env>(drain: Drain<Env>, options: DrainHandlerOptions<Env>): DrainHandler<Env> {
  // Told at definition, and not by the first request; JavaScript may leave out even `options`.
  const { authorize, methods = ["POST"], limitHeader = "Sluice-Limit-Ms" } = options ?? {};
  if (typeof authorize !== "function")
    throw invalidOption(TypeError, "authorize", "is who may start the drain, and is missing");
  return async (request, bindings, context) => {
    const env = bindings as Env; // left out only where Env is unknown, and then undefined is one
    const passed = await authorize(request, env);
    if (passed instanceof Response) return passed;
    if (passed !== true) return refusal("The request is not authorized.");
    if (!methods.includes(request.method)) {
      const allow = methods.join(", ");
      return problem(
        { status: 405, title: "Method Not Allowed", detail: `${allow} drains.` },
        { Allow: allow },
      );
    }
    const asked = request.headers.get(limitHeader);
    const lowered = asked === null ? Number.POSITIVE_INFINITY : readLimit(asked);
    if (lowered === undefined) {
      const detail = `${limitHeader} is not a whole number from ${MIN_LIMIT_MS}.`;
      return problem({ status: 400, title: "Bad Request", detail });
    }
    const limitMs = Math.min(lowered, platformLimit(options, env));
    const alone = request.headers.get(ALONE_HEADER) === "true";
    const input = { limitMs, waitUntil: waitUntilOf(context), ...(alone ? { alone } : {}) };
    return reportResponse(await runDrain(drain, env, input, options.onReport), options.status);
  };
}

/**
 * What Vercel has left for this invocation, in milliseconds; undefined elsewhere.
 * `@vercel/functions` reads the same symbol.
 *
 * @example
 * export const POST = drainHandler(orders, { authorize: bearer("secret"), remainingMs: vercelRemainingMs });
 */
export function vercelRemainingMs(): number | undefined {
  const holder = globalThis as { [key: symbol]: { get?(): { deadline?: string } | undefined } | undefined };
  const deadline = holder[Symbol.for("@vercel/request-context")]?.get?.()?.deadline;
  const remainingMs = deadline === undefined ? Number.NaN : Date.parse(deadline) - Date.now();
  return Number.isNaN(remainingMs) ? undefined : remainingMs;
}

/** The smaller of what the platform has left and the setting; the preset where there is neither. */
function platformLimit<Env>(options: DrainHandlerOptions<Env>, env: Env): number {
  const remainingMs = options.remainingMs?.(env);
  const limitMs = given(options.limitMs, env);
  if (remainingMs === undefined) return limitMs ?? LIMITS_MS.http;
  return Math.min(belowRemaining(remainingMs), limitMs ?? Number.POSITIVE_INFINITY);
}

function readLimit(text: string): number | undefined {
  const limitMs = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  return limitMs >= MIN_LIMIT_MS ? limitMs : undefined;
}

function waitUntilOf(context: FetchContext | undefined): RunExtras["waitUntil"] {
  return context?.waitUntil ? (promise) => context.waitUntil?.(promise) : undefined;
}
