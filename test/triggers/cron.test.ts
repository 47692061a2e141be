// What a cron run tells its scheduler: done, failed, or failed for good.
import { describe, expect, it } from "vitest";
import type { Drain, RunInput } from "../../src/drain.ts";
import { ending, type Reason } from "../../src/report/reasons.ts";
import { makeReport, type Report } from "../../src/report/report.ts";
import { CRON_LIMIT_MS, DrainError, type ScheduledOptions, scheduled } from "../../src/triggers/cron.ts";

interface Env {
  readonly LIMIT_MS?: number;
}

function reportOf(reason: Reason): Report {
  return makeReport(ending(reason, "Detail."), {
    ...{
      stream: "ORDERS",
      consumer: "billing",
      fetched: 0,
      acked: 0,
      retried: 0,
      rejected: 0,
      deadLettered: 0,
    },
    ...{ released: 0, exhausted: 0, unconfirmed: 0, more: false, heartbeats: 0, findings: [] },
    ...{ startedAt: "2025-11-22T18:20:00.000Z", timings: { totalMs: 50 } },
  });
}

/** One cron run, and everything that could be seen of it, in order. */
async function tick(reason: Reason, options: ScheduledOptions<Env> = {}, env: Env = {}) {
  const seen: string[] = [];
  const inputs: RunInput<Env>[] = [];
  const drain: Drain<Env> = {
    run: async (input) => {
      inputs.push(input);
      return reportOf(reason);
    },
  };
  const onReport = (report: Report): void => void seen.push(`report ${report.reason}`);
  const run = scheduled(drain, { onReport, ...options });
  const error = await run({ noRetry: () => void seen.push("noRetry") }, env).then(
    () => void seen.push("returned"),
    (thrown: unknown) => {
      seen.push("threw");
      return thrown;
    },
  );
  return { seen, inputs, error };
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
      expect(error).toMatchObject({ name: "DrainError", code: reason, report });
      expect(String(error)).toBe(`DrainError: ${report.outcome}: ${reason}: ${report.message}`);
    },
  );

  it("needs nobody to listen to its report", async () => {
    expect((await tick("empty", { onReport: undefined })).seen).toEqual(["returned"]);
  });

  const limits: [what: string, limitMs: ScheduledOptions<Env>["limitMs"], env: Env, ms: number][] = [
    ["the default", undefined, {}, CRON_LIMIT_MS],
    ["a number", 20_000, {}, 20_000],
    ["what the bindings say", (env) => env.LIMIT_MS, { LIMIT_MS: 7_000 }, 7_000],
    ["the default, when the bindings say nothing", (env) => env.LIMIT_MS, {}, CRON_LIMIT_MS],
  ];
  it.each(limits)("drains with the bindings and %s as its limit", async (_what, limitMs, env, ms) => {
    expect((await tick("empty", { limitMs }, env)).inputs).toEqual([{ env, limitMs: ms }]);
  });

  it("has ended before the next minute's", () => {
    expect(CRON_LIMIT_MS).toBeLessThan(60_000);
  });
});
