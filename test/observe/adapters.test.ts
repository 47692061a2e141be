// The adapters without a server: what each makes of a report or a message.
import { describe, expect, test } from "vitest";
import { analyticsObserver } from "../../src/observe/analytics-engine.ts";
import { guardObserver } from "../../src/observe/guard.ts";
import { historyEntry } from "../../src/observe/history.ts";
import { type LogLine, logObserver } from "../../src/observe/log.ts";
import { tracingObserver } from "../../src/observe/workers-tracing.ts";
import { Journal } from "../../src/report/journal.ts";
import { fakeMessage } from "../../src/testing/message.ts";
import { reportOf } from "../support/report.ts";

describe("the log observer", () => {
  test.each([
    ["info", reportOf()],
    ["warn", reportOf(undefined, { findings: [{ code: "insecure", message: "Not encrypted." }] })],
    ["warn", reportOf(undefined, { unconfirmed: 1 })],
    ["warn", reportOf("connection-lost")],
    ["error", reportOf("unauthorized")],
  ])("writes one line of level %s", (level, report) => {
    const lines: LogLine[] = [];
    logObserver((line) => lines.push(line)).report?.(report);
    expect(lines).toEqual([{ event: "drain", level, ...report }]);
  });
});

describe("the Analytics Engine observer", () => {
  test("writes one point, whose index fits 96 bytes and breaks no character", () => {
    const points: { indexes?: string[]; blobs?: string[]; doubles?: number[] }[] = [];
    const dataset = { writeDataPoint: (point: (typeof points)[number]) => void points.push(point) };
    analyticsObserver(dataset).report?.(
      reportOf(undefined, { stream: "é".repeat(60), timings: { totalMs: 7 } }),
    );
    expect(points).toHaveLength(1);
    expect(points[0]?.indexes).toEqual(["é".repeat(48)]);
    expect(points[0]?.blobs?.slice(1)).toEqual(["sluice", "completed", "empty"]);
    expect(points[0]?.doubles).toEqual([7, -1, -1, 5, 4, 1, 0, 0, 0, 0, 0, 0]);
  });
});

describe("the Workers tracing observer", () => {
  test("runs the handler once inside a span, and returns its result", () => {
    const spans: Record<string, unknown>[] = [];
    const observer = tracingObserver({
      enterSpan: (name, callback) => {
        const span: Record<string, unknown> = { name };
        spans.push(span);
        return callback({ setAttribute: (key, value) => Object.assign(span, { [key]: value }) });
      },
    });
    const observed = observer.message?.(
      fakeMessage({ subject: "events.x", data: "secret body", stream: "EVENTS" }),
    );
    expect(observed?.run?.(() => 42)).toBe(42);
    expect(spans).toMatchObject([{ name: "process EVENTS", "messaging.system": "nats" }]);
    expect(JSON.stringify(spans)).not.toContain("secret");
  });
});

describe("a guarded observer", () => {
  test("tells the rest of a drain to what `start` returned, so that drains that overlap keep apart", () => {
    const told: string[] = [];
    let count = 0;
    const shared = {
      start: () => {
        const name = `drain ${++count}`;
        return { connected: () => void told.push(name) };
      },
    };
    const drain = { stream: "S", consumer: "C", limitMs: 1_000, at: new Date(0) };
    const [first, second] = [guardObserver(shared, new Journal()), guardObserver(shared, new Journal())];
    first?.start?.(drain);
    second?.start?.(drain);
    first?.connected?.({ connectMs: 1 });
    second?.connected?.({ connectMs: 1 });
    expect(told).toEqual(["drain 1", "drain 2"]);
  });
});

describe("a history entry", () => {
  test("goes to one key for each consumer, whatever letters the names have", () => {
    const subjects = ["sluice", "a b", "a=b", "a/b", "é"].map(
      (consumer) => historyEntry(reportOf(undefined, { consumer }), "drains").subject,
    );
    expect(new Set(subjects).size).toBe(subjects.length);
    for (const subject of subjects) expect(subject).toMatch(/^\$KV\.drains\.EVENTS\.[-/_=A-Za-z0-9]+$/);
  });
});
