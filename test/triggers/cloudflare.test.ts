// What each trigger of Workers tells its scheduler: done, failed, or failed for good.
import { describe, expect, it, vi } from "vitest";
import type { Reason } from "../../src/report/reasons.ts";
import type { Report } from "../../src/report/report.ts";
import {
  DrainError,
  drainAlarm,
  drainOnMessage,
  drainStep,
  LIMITS_MS,
  scheduled,
  type TriggerOptions,
} from "../../src/triggers/cloudflare.ts";
import { fakeDrain, reportOf } from "../support/report.ts";

interface Env {
  readonly LIMIT_MS?: number;
}

const NAME = { completed: "", retryable: "DrainRetryableError", fatal: "DrainFatalError" };

/** One cron run, and everything that could be seen of it, in order. */
async function tick(reason: Reason, options: TriggerOptions<Env> = {}, env: Env = {}) {
  const seen: string[] = [];
  const drain = fakeDrain<Env>(reason);
  const onReport = (report: Report): void => void seen.push(`report ${report.reason}`);
  const run = scheduled(drain, { onReport, ...options });
  const error = await run({ noRetry: () => void seen.push("noRetry") }, env).then(
    () => void seen.push("returned"),
    (thrown: unknown) => {
      seen.push("threw");
      return thrown;
    },
  );
  return { seen, inputs: drain.inputs, error };
}

describe("a cron run", () => {
  const table: [reason: Reason, seen: string[]][] = [
    ["empty", ["report empty", "returned"]],
    ["batch-full", ["report batch-full", "returned"]],
    ["deadline", ["report deadline", "returned"]],
    ["connection-lost", ["report connection-lost", "threw"]],
    ["aborted", ["report aborted", "threw"]],
    ["unauthorized", ["report unauthorized", "noRetry", "threw"]],
    ["invalid-options", ["report invalid-options", "noRetry", "threw"]],
  ];
  it.each(table)("that ended with %s is seen as %j", async (reason, seen) => {
    expect((await tick(reason)).seen).toEqual(seen);
  });

  it.each(["connect-timeout", "consumer-not-found"] as const)(
    "throws all there is to know of %s",
    async (reason) => {
      const report = reportOf(reason);
      const { error } = await tick(reason);
      expect(error).toBeInstanceOf(DrainError);
      expect(error).toMatchObject({ code: reason, report });
      expect(String(error)).toBe(`${NAME[report.outcome]}: ${report.outcome}: ${reason}: ${report.message}`);
    },
  );

  it("waits for who is told its report: what is left behind when the handler returns does not run", async () => {
    const seen: string[] = [];
    const onReport = async ({ reason }: Report): Promise<void> => {
      await new Promise((told) => setTimeout(told, 20));
      seen.push(`told ${reason}`);
    };
    expect((await tick("unauthorized", { onReport })).seen).toEqual(["noRetry", "threw"]);
    expect(seen).toEqual(["told unauthorized"]);
  });

  it("needs nobody to listen to its report", async () => {
    expect((await tick("empty", { onReport: undefined })).seen).toEqual(["returned"]);
  });

  const limits: [what: string, limitMs: TriggerOptions<Env>["limitMs"], env: Env, ms: number][] = [
    ["the default", undefined, {}, LIMITS_MS.cron],
    ["a number", 20_000, {}, 20_000],
    ["what the bindings say", (env) => env.LIMIT_MS, { LIMIT_MS: 7_000 }, 7_000],
    ["the default, when the bindings say nothing", (env) => env.LIMIT_MS, {}, LIMITS_MS.cron],
  ];
  it.each(limits)("drains with the bindings and %s as its limit", async (_what, limitMs, env, ms) => {
    expect((await tick("empty", { limitMs }, env)).inputs).toEqual([{ env, limitMs: ms }]);
  });

  it("has ended before the next minute's", () => {
    expect(LIMITS_MS.cron).toBeLessThan(60_000);
  });

  it.each([
    ["whose controller has no noRetry", [{}, {}] as const],
    ["whose Bun.cron gives nothing", [] as const],
  ])("on Bun, %s, throws the drain's own error", async (_what, given) => {
    const run = scheduled(fakeDrain<Env>("unauthorized"));
    await expect(run(...given)).rejects.toMatchObject({ name: "DrainFatalError", code: "unauthorized" });
  });
});

describe("a message of Queues", () => {
  const table: [reason: Reason, seen: unknown[]][] = [
    ["empty", ["ackAll"]],
    ["connect-failed", [{ delaySeconds: 5 }]],
    ["leadership-changed", [{ delaySeconds: 1 }]],
    ["unauthorized", ["ackAll"]],
  ];
  it.each(table)("whose drain ended with %s has its batch settled with %j", async (reason, seen) => {
    const calls: unknown[] = [];
    const batch = {
      ackAll: () => void calls.push("ackAll"),
      retryAll: (options?: { delaySeconds?: number }) => void calls.push(options),
    };
    await drainOnMessage(fakeDrain<Env>(reason), { onReport: () => {} })(batch, {});
    expect(calls).toEqual(seen);
  });
});

describe("a message of Queues whose drain has to wait long", () => {
  it("waits for as long as Queues allow, 12 hours", async () => {
    const retryAll = vi.fn();
    const drain = { run: async () => ({ ...reportOf("handlers-failing"), retryAfterMs: 7 * 86_400_000 }) };
    await drainOnMessage<Env>(drain)({ ackAll: () => {}, retryAll }, {});
    expect(retryAll.mock.calls).toEqual([[{ delaySeconds: 86_400 }]]);
  });
});

describe("a step of Workflows", () => {
  class NonRetryableError extends Error {
    override readonly name = "NonRetryableError";
  }

  it("gives the report of a drain that completed", async () => {
    const step = drainStep(fakeDrain<Env>("empty"), {}, { NonRetryableError });
    expect(await step()).toEqual(reportOf("empty"));
  });

  it("throws what Workflows retries where that may help", async () => {
    const step = drainStep(fakeDrain<Env>("connection-lost"), {}, { NonRetryableError });
    await expect(step()).rejects.toMatchObject({ name: "DrainRetryableError", retryAfterMs: 1_000 });
  });

  it("tells the wait of its last report, to which the step's retries are set", async () => {
    const reports = [reportOf("connection-lost", { retryAfterMs: 2_500 })];
    const drain = { run: async () => reports.shift() ?? reportOf("unauthorized") };
    const step = drainStep(drain, {}, { NonRetryableError });
    expect(step.delay()).toBe(1_000);
    await expect(step()).rejects.toThrow();
    expect(step.delay()).toBe(2_500);
    await expect(step()).rejects.toThrow();
    expect(step.delay()).toBe(1_000);
  });

  it("throws what Workflows does not retry, with its own name, where only an operator can help", async () => {
    const step = drainStep(fakeDrain<Env>("unauthorized"), {}, { NonRetryableError });
    await expect(step()).rejects.toMatchObject({ name: "NonRetryableError" });
  });
});

describe("a Durable Object's alarm", () => {
  async function ring(reason: Reason, more = false) {
    const alarms: number[] = [];
    const drained: number[] = [];
    const drain = fakeDrain<Env>(reason, more);
    const onReport = () => void drained.push(alarms.length);
    const storage = { setAlarm: async (at: number) => void alarms.push(at - startedAt) };
    const startedAt = Date.now();
    await drainAlarm(drain, { everyMs: 60_000, onReport })(storage, {});
    return { alarms, alarmsBeforeReport: drained[0] };
  }

  it.each([["60000"], [Number.NaN], [0], [-1], [null]])(
    "refuses an everyMs of %j, when it is defined",
    (everyMs) => {
      // As JavaScript gives it, from a var.
      const options = { everyMs: everyMs as number };
      expect(() => drainAlarm(fakeDrain<Env>("empty"), options)).toThrow(
        /^everyMs: must be a (whole number from 1|number, not)/,
      );
    },
  );

  it("sets the next alarm before it drains", async () => {
    expect(await ring("empty")).toMatchObject({ alarms: [expect.any(Number)], alarmsBeforeReport: 1 });
  });

  const table: [what: string, reason: Reason, more: boolean, atLeastMs: number, belowMs: number][] = [
    ["at once where there is more", "batch-full", true, 0, 1_000],
    ["at once where its limit ended the last", "deadline", false, 0, 1_000],
    ["after the report's wait where another try may help", "connect-failed", false, 5_000, 6_000],
    ["at its usual time where only an operator can help", "unauthorized", false, 60_000, 61_000],
  ];
  it.each(table)("drains next %s, and throws nothing", async (_what, reason, more, atLeastMs, belowMs) => {
    const last = (await ring(reason, more)).alarms.at(-1);
    expect(last).toBeGreaterThanOrEqual(atLeastMs);
    expect(last).toBeLessThan(belowMs);
  });
});
