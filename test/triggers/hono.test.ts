// What a scheduler that calls an URL sees: a status it can act on, and nothing without the token.
import { Hono } from "hono";
import { describe, expect, it } from "vitest";
import { REASONS, type Reason } from "../../src/report/reasons.ts";
import type { Report } from "../../src/report/report.ts";
import { drainRoutes } from "../../src/triggers/hono.ts";
import { LIMITS_MS } from "../../src/triggers/limit.ts";
import { fakeDrain, reportOf } from "../support/report.ts";

interface Env {
  readonly DRAIN_TOKEN?: string;
  readonly LIMIT_MS?: number;
}

const TOKEN = "s3cret.token";
const post = (token?: string): RequestInit => ({
  method: "POST",
  headers: token === undefined ? {} : { Authorization: `Bearer ${token}` },
});

describe("POST /drain", () => {
  const app = (reason: Reason) => drainRoutes(fakeDrain(reason), { token: TOKEN });

  it.each(["empty", "batch-full", "max-wait", "deadline"] as const)(
    "answers 200 and the report for %s",
    async (reason) => {
      const response = await app(reason).request("/drain", post(TOKEN));
      expect(response.status).toBe(200);
      expect(response.headers.get("Content-Type")).toMatch(/^application\/json\b/);
      expect(response.headers.has("Retry-After")).toBe(false);
      expect(await response.json()).toEqual(reportOf(reason));
    },
  );

  const failures: [reason: Reason, status: number, retryAfter: string | null][] = [
    ["heartbeat-lost", 503, "1"],
    ["connect-failed", 503, "5"],
    ["leadership-changed", 503, "1"],
    ["aborted", 503, "1"],
    ["unauthorized", 500, null],
    ["consumer-not-found", 500, null],
    ["invalid-options", 500, null],
  ];
  it.each(failures)(
    "answers %s with %i, Retry-After %s, as problem details",
    async (reason, status, retryAfter) => {
      const response = await app(reason).request("/drain", post(TOKEN));
      expect(response.status).toBe(status);
      expect(response.headers.get("Retry-After")).toBe(retryAfter);
      expect(response.headers.get("Content-Type")).toBe("application/problem+json");
      expect(response.headers.get("Cache-Control")).toBe("no-store");
      expect(await response.json()).toEqual({
        type: `urn:sluice:reason:${reason}`,
        title: REASONS[reason].meaning,
        status,
        detail: `${REASONS[reason].meaning} Detail.`,
        ...reportOf(reason),
      });
    },
  );

  it("hands each report to onReport", async () => {
    const reports: Report[] = [];
    const routes = drainRoutes(fakeDrain("aborted"), {
      token: TOKEN,
      onReport: (report) => void reports.push(report),
    });
    await routes.request("/drain", post(TOKEN));
    expect(reports).toEqual([reportOf("aborted")]);
  });

  it("is found under the prefix where the routes are mounted", async () => {
    const drain = fakeDrain<Env>();
    const site = new Hono().route("/jobs", drainRoutes(drain, { token: TOKEN }));
    expect((await site.request("/jobs/drain", post(TOKEN))).status).toBe(200);
    expect((await site.request("/drain", post(TOKEN))).status).toBe(404);
    expect(drain.inputs).toHaveLength(1);
  });

  it("is the only method: GET is answered 405", async () => {
    const drain = fakeDrain<Env>();
    const response = await drainRoutes(drain, { token: TOKEN }).request("/drain", {
      ...post(TOKEN),
      method: "GET",
    });
    expect(response.status).toBe(405);
    expect(response.headers.get("Allow")).toBe("POST");
    expect(drain.inputs).toEqual([]);
  });
});

describe("the drain", () => {
  const limits: [
    what: string,
    limitMs: number | ((env: Env) => number | undefined) | undefined,
    env: Env,
    ms: number,
  ][] = [
    ["the default", undefined, {}, LIMITS_MS.http],
    ["a number", 10_000, {}, 10_000],
    ["what the bindings say", (env) => env.LIMIT_MS, { LIMIT_MS: 7_000 }, 7_000],
    ["the default, when the bindings say nothing", (env) => env.LIMIT_MS, {}, LIMITS_MS.http],
  ];
  it.each(limits)("is given %s as its limit", async (_what, limitMs, env, ms) => {
    const drain = fakeDrain<Env>();
    await drainRoutes(drain, { token: TOKEN, limitMs }).request("/drain", post(TOKEN), env);
    expect(drain.inputs).toEqual([expect.objectContaining({ env, limitMs: ms })]);
  });

  it("is given what the platform has left as its limit, less a margin, where that is less", async () => {
    const drain = fakeDrain<Env>();
    const remainingMs = ({ LIMIT_MS }: Env) => LIMIT_MS;
    const routes = drainRoutes(drain, { token: TOKEN, limitMs: 20_000, remainingMs });
    await routes.request("/drain", post(TOKEN), { LIMIT_MS: 8_000 });
    await routes.request("/drain", post(TOKEN), { LIMIT_MS: 60_000 });
    expect(drain.inputs).toMatchObject([{ limitMs: 7_500 }, { limitMs: 20_000 }]);
  });

  it("is kept alive by the platform where that can be asked for, and runs without where not", async () => {
    const kept: unknown[] = [];
    const context = {
      waitUntil: (promise: unknown) => void kept.push(promise),
      passThroughOnException() {},
      props: {},
    };
    const drain = fakeDrain<Env>();
    const routes = drainRoutes(drain, { token: TOKEN });
    await routes.request("/drain", post(TOKEN), {}, context);
    await routes.request("/drain", post(TOKEN), {});
    const running = Promise.resolve();
    drain.inputs[0]?.waitUntil?.(running);
    expect(kept).toEqual([running]);
    expect(drain.inputs[1]?.waitUntil).toBeUndefined();
  });
});

describe("without the token", () => {
  const refused: [what: string, init: RequestInit][] = [
    ["no Authorization", post()],
    ["a wrong token", post("wrong")],
    ["the start of the token", post(TOKEN.slice(0, -1))],
    ["an empty token", post("")],
    ["another scheme", { method: "POST", headers: { Authorization: `Basic ${btoa(TOKEN)}` } }],
    ["the bare token", { method: "POST", headers: { Authorization: TOKEN } }],
    ["GET", { method: "GET" }],
  ];
  it.each(refused)("a call is refused, and nothing runs: %s", async (_what, init) => {
    const drain = fakeDrain<Env>();
    const response = await drainRoutes(drain, { token: TOKEN }).request("/drain", init);
    expect(response.status).toBe(401);
    expect(response.headers.get("WWW-Authenticate")).toMatch(/^Bearer/);
    expect(response.headers.get("Content-Type")).toBe("application/problem+json");
    expect(await response.text()).not.toContain(TOKEN);
    expect(drain.inputs).toEqual([]);
  });

  it("a call is refused in the same way by an app that has its own error handler", async () => {
    const site = new Hono().route("/", drainRoutes(fakeDrain(), { token: TOKEN }));
    site.onError((_error, c) => c.text("broken", 500));
    expect((await site.request("/drain", post("wrong"))).status).toBe(401);
  });

  it("of the bindings, another one is refused", async () => {
    const routes = drainRoutes(fakeDrain<Env>(), { token: (env) => env.DRAIN_TOKEN });
    expect((await routes.request("/drain", post(TOKEN), { DRAIN_TOKEN: TOKEN })).status).toBe(200);
    expect((await routes.request("/drain", post(TOKEN), { DRAIN_TOKEN: "other" })).status).toBe(401);
  });
});

describe("with no token configured", () => {
  const tokens: [what: string, token: string | ((env: Env) => string | undefined)][] = [
    ["an empty one", ""],
    ["none in the bindings", (env) => env.DRAIN_TOKEN],
  ];
  const calls = [post(), post(""), post("undefined"), post(TOKEN), { ...post(), method: "GET" }];
  it.each(tokens)("every call is refused, and nothing runs: %s", async (_what, token) => {
    const drain = fakeDrain<Env>();
    for (const init of calls) {
      const response = await drainRoutes(drain, { token }).request("/drain", init, {});
      expect(response.status).toBe(500);
      expect(await response.json()).toMatchObject({ title: "Not configured" });
    }
    expect(drain.inputs).toEqual([]);
  });
});
