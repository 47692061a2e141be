// The plain handler of requests: who may call it, under which limit it drains, and what it answers.
import { afterEach, describe, expect, it } from "vitest";
import {
  bearer,
  type DrainHandlerOptions,
  drainHandler,
  vercelRemainingMs,
} from "../../src/triggers/fetch.ts";
import { fakeDrain } from "../support/report.ts";

const open: DrainHandlerOptions<unknown> = { authorize: () => true };
const post = (headers: Record<string, string> = {}) =>
  new Request("https://drain.example.com/", { method: "POST", headers });

describe("drainHandler: who may call", () => {
  it("refuses with 401 what a function of one's own refuses, and drains nothing", async () => {
    const drain = fakeDrain();
    expect((await drainHandler(drain, { authorize: () => false })(post())).status).toBe(401);
    expect(drain.inputs).toEqual([]);
  });

  it("answers with the refusal of a function that has its own words", async () => {
    const authorize = () => new Response("closed", { status: 403 });
    expect((await drainHandler(fakeDrain(), { authorize })(post())).status).toBe(403);
  });

  it.each([[{}], [{ authorize: "s3cret" }], [undefined]])(
    "is asked for when it is defined with %j",
    (given) => {
      // As JavaScript may call it.
      const define = drainHandler as (drain: unknown, options: unknown) => unknown;
      expect(() => define(fakeDrain(), given)).toThrow(TypeError);
      expect(() => define(fakeDrain(), given)).toThrow(
        "authorize: is who may start the drain, and is missing",
      );
    },
  );

  it("takes the token from another header where the platform has Authorization", async () => {
    const handler = drainHandler(fakeDrain(), { authorize: bearer("s3cret", { header: "X-Drain-Token" }) });
    expect((await handler(post({ "X-Drain-Token": "Bearer s3cret" }))).status).toBe(200);
    expect((await handler(post({ Authorization: "Bearer s3cret" }))).status).toBe(401);
  });

  it.each(["s3cret\n", " s3cret\r\n"])("takes a token that was stored as %j", async (stored) => {
    const handler = drainHandler(fakeDrain(), { authorize: bearer(() => stored) });
    expect((await handler(post({ Authorization: "Bearer s3cret" }))).status).toBe(200);
  });

  it("is closed where the token is blank", async () => {
    const handler = drainHandler(fakeDrain(), { authorize: bearer(" \n") });
    expect((await handler(post({ Authorization: "Bearer " }))).status).toBe(500);
  });

  it("drains by GET where that is a method of it, as Vercel's cron calls", async () => {
    const handler = drainHandler(fakeDrain(), { authorize: bearer("s3cret"), methods: ["GET"] });
    const headers = { Authorization: "Bearer s3cret" };
    expect((await handler(new Request("https://drain.example.com/", { headers }))).status).toBe(200);
    const refused = await handler(post(headers));
    expect([refused.status, refused.headers.get("Allow")]).toEqual([405, "GET"]);
  });
});

describe("drainHandler: the limit", () => {
  const limits: [what: string, options: Partial<DrainHandlerOptions<unknown>>, header: string, ms: number][] =
    [
      ["lowered by the request", { limitMs: 20_000 }, "5000", 5_000],
      ["not raised by the request", { limitMs: 20_000 }, "60000", 20_000],
      ["what the platform has left, less a margin", { remainingMs: () => 10_000 }, "60000", 9_500],
      ["the setting where that is less", { remainingMs: () => 10_000, limitMs: 4_000 }, "60000", 4_000],
      ["the preset where the platform is silent", { remainingMs: () => undefined }, "60000", 25_000],
    ];
  it.each(limits)("is %s", async (_what, options, header, ms) => {
    const drain = fakeDrain();
    await drainHandler(drain, { ...open, ...options })(post({ "Sluice-Limit-Ms": header }));
    expect(drain.inputs).toMatchObject([{ limitMs: ms }]);
  });

  it.each(["", "0", "-1", "1e9", "soon"])("that the request asks for as %j is answered 400", async (text) => {
    const drain = fakeDrain();
    expect((await drainHandler(drain, open)(post({ "Sluice-Limit-Ms": text }))).status).toBe(400);
    expect(drain.inputs).toEqual([]);
  });
});

describe("vercelRemainingMs", () => {
  const symbol = Symbol.for("@vercel/request-context");
  afterEach(() => void Reflect.deleteProperty(globalThis, symbol));

  it("knows nothing outside of Vercel", () => {
    expect(vercelRemainingMs()).toBeUndefined();
  });

  it("reads the deadline that @vercel/functions reads", () => {
    const deadline = new Date(Date.now() + 300_000).toISOString();
    Reflect.set(globalThis, symbol, { get: () => ({ deadline }) });
    expect(vercelRemainingMs()).toBeGreaterThan(290_000);
    expect(vercelRemainingMs()).toBeLessThanOrEqual(300_000);
  });
});
