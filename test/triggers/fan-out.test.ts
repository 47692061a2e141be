// How many drains a backlog is worth, and what the reports of several come to.
import { describe, expect, it, test } from "vitest";
import type { Backlog, Report } from "../../src/index.ts";
import { mergeReports } from "../../src/report/merge.ts";
import type { Reason } from "../../src/report/reasons.ts";
import { fanOut, httpSelf, type Self } from "../../src/triggers/cloudflare.ts";
import { drainCount } from "../../src/triggers/drain-count.ts";
import { drainHandler } from "../../src/triggers/fetch.ts";
import { reportOf } from "../support/report.ts";

const BACKLOG: Backlog = { stream: "ORDERS", consumer: "billing", pending: 1_000, atOnce: 2, firstPull: 4 };

describe("drains at once", () => {
  const table: [what: string, backlog: Partial<Backlog>, max: number, drains: number][] = [
    ["as many as max, of a long backlog", {}, 8, 8],
    ["one for each first pull request that the backlog fills", { pending: 9 }, 8, 3],
    ["one, where the backlog is what one drain handles at once", { pending: 2 }, 8, 1],
    ["one, where it is what one drain asks for first", { pending: 4 }, 8, 1],
    ["one, where nothing is left", { pending: 0 }, 8, 1],
    ["as many as fill their handlers within max ack pending", { ackRoom: 7 }, 8, 3],
    ["one, where max ack pending has no room", { ackRoom: 0 }, 8, 1],
    ["one, under max ack pending 1", { ackRoom: 1, atOnce: 1 }, 8, 1],
    ["as many as may wait under max waiting", { pullRoom: 2 }, 8, 2],
    ["one, where max waiting has no room", { pullRoom: 0 }, 8, 1],
    ["the least that any of them allows", { pending: 21, ackRoom: 9, pullRoom: 3 }, 8, 3],
  ];
  it.each(table)("are %s", (_what, backlog, max, drains) => {
    expect(drainCount({ ...BACKLOG, ...backlog }, max)).toBe(drains);
  });
});

const at = (seconds: number): string => new Date(1_700_000_000_000 + seconds * 1_000).toISOString();

describe("the reports of several drains", () => {
  test("have the sums of their counts, and keep each of them", () => {
    const own = reportOf("empty", { fetched: 5, acked: 3, retried: 1, rejected: 1, heartbeats: 2 });
    const other = reportOf("empty", { fetched: 4, acked: 1, retried: 0, released: 2, unconfirmed: 1 });
    const merged = mergeReports(own, [other], 90.06);
    expect(merged).toMatchObject({
      fetched: 9,
      acked: 4,
      retried: 1,
      rejected: 1,
      released: 2,
      unconfirmed: 1,
    });
    expect(merged).toMatchObject({
      heartbeats: 3,
      more: true,
      timings: { totalMs: 90.1 },
      drains: [own, other],
    });
  });

  const worst: [reasons: Reason[], ruling: Reason][] = [
    [["empty", "empty"], "empty"],
    [["empty", "batch-full", "max-wait"], "batch-full"],
    [["batch-full", "deadline"], "deadline"],
    [["deadline", "connection-lost"], "connection-lost"],
    [["heartbeat-lost", "connection-lost"], "heartbeat-lost"],
    [["connection-lost", "unauthorized", "empty"], "unauthorized"],
  ];
  it.each(worst)("%j are ruled by %s", (reasons, ruling) => {
    const [own, ...others] = reasons.map((reason) => reportOf(reason));
    const merged = mergeReports(own ?? reportOf("empty"), others, 1);
    const { outcome, reason, message } = reportOf(ruling);
    expect(merged).toMatchObject({ outcome, reason, message });
  });

  test("wait for the longest of their waits, and have none where none does", () => {
    const waits = [1_000, 30_000, 5_000].map((retryAfterMs) => reportOf("connect-failed", { retryAfterMs }));
    expect(mergeReports(reportOf("empty"), waits, 1).retryAfterMs).toBe(30_000);
    expect(mergeReports(reportOf("empty"), [reportOf("empty")], 1)).not.toHaveProperty("retryAfterMs");
  });

  test("have as pending what was heard last, and more only while that says so", () => {
    const early = reportOf("batch-full", { startedAt: at(0), pending: 80, more: true });
    const late = reportOf("empty", { startedAt: at(3), pending: 0 });
    expect(mergeReports(early, [late], 1)).toMatchObject({ pending: 0, more: false });
    expect(mergeReports(late, [{ ...early, startedAt: at(9) }], 1)).toMatchObject({
      pending: 80,
      more: true,
    });
    // It found nothing left; 80 is what its own last delivery said, before others had the rest.
    const unsure = reportOf("empty", { startedAt: at(9), pending: 80, more: true });
    expect(mergeReports(late, [unsure], 1)).toMatchObject({ pending: 0, more: false });
  });

  test("say once what several found alike", () => {
    const findings = [{ code: "insecure-connection", message: "Not encrypted." }];
    const other = [...findings, { code: "handler-failed", message: "1 handlers threw." }];
    const merged = mergeReports(reportOf("empty", { findings }), [reportOf("empty", { findings: other })], 1);
    expect(merged.findings).toEqual(other);
  });
});

/** A drain that learns of a backlog, and ends when it is told to; and a self that is asked for others. */
function together(drain: Self["drain"], { max = 4, limitMs = 5_000, alone = false } = {}) {
  const calls: { limitMs: number; alone: boolean }[] = [];
  const self: Self = {
    drain: (call) => {
      calls.push(call);
      return drain(call);
    },
  };
  const own = {
    run: async ({ onBacklog }: { onBacklog?: ((backlog: Backlog) => void) | undefined }) => {
      onBacklog?.(BACKLOG);
      return reportOf("empty");
    },
  };
  return { calls, running: fanOut({ max, self })(own).run({ limitMs, alone }) };
}

describe("a drain that calls others", () => {
  test("calls as many as the backlog is worth, each within its own limit and alone", async () => {
    const { calls, running } = together(async () => reportOf("empty"));
    expect(await running).toMatchObject({ outcome: "completed", fetched: 20, acked: 16, retried: 4 });
    expect(calls).toHaveLength(3);
    expect(calls.every(({ limitMs, alone }) => alone && limitMs > 4_000 && limitMs < 5_000)).toBe(true);
  });

  test.each([{ max: 1 }, { alone: true }, { limitMs: 100 }])("calls none given %j", async (given) => {
    const { calls, running } = together(async () => reportOf("empty"), given);
    expect((await running).drains).toEqual([reportOf("empty")]);
    expect(calls).toEqual([]);
  });

  const failures: [what: string, drain: Self["drain"], says: string][] = [
    ["throws", () => Promise.reject(new Error("exceeded its CPU")), "Error: exceeded its CPU"],
    ["answers no report", async () => ({ status: "ok" }) as unknown as Report, "its answer was no report"],
    ["never answers", () => new Promise(() => {}), "it did not answer within the limit"],
  ];
  it.each(failures)(
    "tells one that %s as retryable, and loses no other's report",
    async (_what, drain, says) => {
      let call = 0;
      const { running } = together(async (asked) => (call++ === 0 ? await drain(asked) : reportOf("empty")), {
        limitMs: 700,
      });
      const merged = await running;
      expect(merged).toMatchObject({
        outcome: "retryable",
        reason: "connection-lost",
        fetched: 15,
        acked: 12,
      });
      expect(merged.message).toContain(says);
      expect(merged.drains).toHaveLength(4);
      expect(merged.findings).toMatchObject([{ code: "drain-lost" }]);
    },
  );

  test("gives up the calls when its caller aborts", async () => {
    const caller = new AbortController();
    const self: Self = { drain: () => new Promise(() => caller.abort()) };
    const own = {
      run: async ({ onBacklog }: { onBacklog?: ((backlog: Backlog) => void) | undefined }) => {
        onBacklog?.(BACKLOG);
        return reportOf("aborted");
      },
    };
    const running = fanOut({ max: 2, self })(own).run({ limitMs: 60_000, signal: caller.signal });
    expect(await running).toMatchObject({ outcome: "retryable", reason: "aborted" });
  });

  const wrong: [max: number, error: string][] = [
    [0, "max: must be a whole number from 1 to 32, not 0"],
    [33, "max: must be a whole number from 1 to 32, not 33"],
    [1.5, "max: must be a whole number from 1 to 32, not 1.5"],
  ];
  it.each(wrong)("is not defined with max %d", (max, error) => {
    expect(() => fanOut({ max, self: { drain: async () => reportOf("empty") } })).toThrow(error);
  });
});

describe("a drain that sends a queue's message for each other drain", () => {
  const own = {
    run: async ({ onBacklog }: { onBacklog?: ((backlog: Backlog) => void) | undefined }) => {
      onBacklog?.(BACKLOG);
      return reportOf("empty");
    },
  };

  test("sends as many as the backlog is worth, at most 100 in a batch, and reports its own", async () => {
    const batches: number[] = [];
    const sendBatch = async (messages: Iterable<unknown>) => void batches.push([...messages].length);
    const many = fanOut<{ max: number }>({ max: ({ max }) => max, queue: () => ({ sendBatch }) })(own);
    expect(await many.run({ env: { max: 4 }, limitMs: 5_000 })).toMatchObject({
      drains: [reportOf("empty")],
    });
    await many.run({ env: { max: 151 }, limitMs: 5_000 });
    await many.run({ env: { max: 1 }, limitMs: 5_000 });
    expect(batches).toEqual([3, 100, 50]);
  });

  const refusals = [undefined, { sendBatch: () => Promise.reject(new Error("Too Many Requests")) }];
  it.each(refusals)("tells a message that the queue %j did not take, as retryable", async (queue) => {
    const report = await fanOut({ max: 4, queue: () => queue })(own).run({ limitMs: 5_000 });
    expect(report).toMatchObject({ outcome: "retryable", reason: "connection-lost", acked: 4 });
    expect(report.message).toContain("the queue did not take its message");
  });
});

describe("a Worker that calls itself over HTTP", () => {
  const TOKEN = "drain-token-1234";

  function worker(reason: Reason) {
    const inputs: unknown[] = [];
    const drain = {
      run: async (input: object) => {
        inputs.push(input);
        return reportOf(reason);
      },
    };
    const handler = drainHandler(drain, {
      authorize: (request) => request.headers.get("Authorization") === `Bearer ${TOKEN}`,
    });
    const binding = { fetch: (url: string, init?: RequestInit) => handler(new Request(url, init)) };
    return { inputs, binding };
  }

  it.each(["empty", "connect-failed", "unauthorized"] as const)(
    "hears of %s as the drain told it",
    async (reason) => {
      const { binding, inputs } = worker(reason);
      const { running } = together(httpSelf(binding, { token: TOKEN }).drain, { max: 2 });
      expect((await running).drains).toEqual([reportOf("empty"), reportOf(reason)]);
      expect(inputs).toEqual([{ limitMs: expect.any(Number), alone: true }]);
    },
  );

  test("hears of a refusal as of a drain that is lost", async () => {
    const { binding } = worker("empty");
    const { running } = together(httpSelf(binding, { token: "another" }).drain, { max: 2 });
    expect(await running).toMatchObject({ outcome: "retryable", reason: "connection-lost" });
  });

  test("hears of an answer that is no JSON as of a drain that is lost, with its status", async () => {
    const binding = { fetch: async () => new Response("error code: 1101", { status: 500 }) };
    const { running } = together(httpSelf(binding, { token: TOKEN }).drain, { max: 2 });
    expect((await running).message).toContain("it answered 500");
  });
});
