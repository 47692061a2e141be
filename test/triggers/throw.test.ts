// The throw shape: Lambda and Deno.cron, and the errors that other platforms know by name.
import { describe, expect, it, vi } from "vitest";
import { drainCron } from "../../src/triggers/deno.ts";
import { DrainFatalError, lambdaHandler, orThrow, sqsHandler } from "../../src/triggers/lambda.ts";
import { fakeDrain, reportOf } from "../support/report.ts";

describe("orThrow", () => {
  it("gives the report of a drain that completed", () => {
    const report = reportOf("empty");
    expect(orThrow(report)).toBe(report);
  });

  it("throws a platform's own error in place of ours", () => {
    const fatal = (error: DrainFatalError) => new RangeError(error.message);
    expect(() => orThrow(reportOf("unauthorized"), { fatal })).toThrow(RangeError);
    expect(() => orThrow(reportOf("unauthorized"))).toThrow(DrainFatalError);
  });
});

describe("lambdaHandler", () => {
  const context = (remainingMs: number) => ({ getRemainingTimeInMillis: () => remainingMs });

  it("has two parameters, since Lambda refuses a function with a third", () => {
    expect(lambdaHandler(fakeDrain())).toHaveLength(2);
  });

  it.each([
    ["what Lambda has left, less a margin", undefined, 8_000, 7_500],
    ["what Lambda has left, less a tenth of little", undefined, 2_000, 1_800],
    ["the setting where that is less", 3_000, 8_000, 3_000],
  ])("drains within %s", async (_what, limitMs, remainingMs, ms) => {
    const drain = fakeDrain();
    await lambdaHandler(drain, { limitMs })({}, context(remainingMs));
    expect(drain.inputs).toEqual([{ env: process.env, limitMs: ms }]);
  });

  it("drains within the setting where it is called by hand, without a context, and asks for one else", async () => {
    const drain = fakeDrain();
    // As a test or a console may call it.
    const by = (limitMs?: number) =>
      lambdaHandler(drain, { limitMs }) as (event: object, context?: object) => unknown;
    await by(3_000)({});
    expect(drain.inputs).toMatchObject([{ limitMs: 3_000 }]);
    for (const context of [undefined, {}])
      await expect(by()({}, context)).rejects.toThrow(
        "limitMs: is not set, and the context does not tell what is left",
      );
  });

  it.each([
    ["connection-lost", "DrainRetryableError"],
    ["unauthorized", "DrainFatalError"],
  ] as const)("throws for %s an error that Step Functions knows as %s", async (code, name) => {
    await expect(lambdaHandler(fakeDrain(code))({}, context(8_000))).rejects.toMatchObject({ name, code });
  });
});

describe("sqsHandler", () => {
  const context = { getRemainingTimeInMillis: () => 8_000 };
  const event = { Records: [{ messageId: "a" }, { messageId: "b" }] };

  it.each([
    ["is deleted", "empty", []],
    ["comes again", "connection-lost", [{ itemIdentifier: "a" }, { itemIdentifier: "b" }]],
    ["is deleted", "unauthorized", []],
  ] as const)("has a batch that %s after %s", async (_what, reason, batchItemFailures) => {
    const drain = fakeDrain(reason);
    expect(await sqsHandler(drain, { onReport: () => {} })(event, context)).toEqual({ batchItemFailures });
    expect(drain.inputs).toMatchObject([{ limitMs: 7_500 }]);
  });

  it("drains for an event without messages, as a console's test event is, and names none", async () => {
    const handler = sqsHandler(fakeDrain("connection-lost")) as (event: object, context: object) => unknown;
    expect(await handler({}, context)).toEqual({ batchItemFailures: [] });
  });

  it("says in the log what only an operator can help, where nobody hears the report", async () => {
    const error = vi.spyOn(console, "error").mockReturnValue();
    await sqsHandler(fakeDrain("unauthorized"))(event, context);
    expect(error.mock.calls).toEqual([[expect.stringContaining("unauthorized")]]);
    error.mockRestore();
  });
});

describe("drainCron", () => {
  it("throws for Deno's backoffSchedule where another try may help", async () => {
    await expect(drainCron(fakeDrain("aborted"))()).rejects.toMatchObject({ name: "DrainRetryableError" });
  });

  it("returns where only an operator can help, and tells the report", async () => {
    const seen: string[] = [];
    await drainCron(fakeDrain("unauthorized"), { onReport: ({ reason }) => void seen.push(reason) })();
    expect(seen).toEqual(["unauthorized"]);
  });
});
