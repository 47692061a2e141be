// The target fails: how many deliveries that costs, what is told of it, and what still arrives when it is back.
import { expect, test } from "vitest";
import type { Message, Report } from "../../src/index.ts";
import { scenarioServer, sum } from "./bed.ts";

const given = scenarioServer();
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test.concurrent.each([
  { concurrency: 1, drains: 1, ms: 0 },
  { concurrency: 8, drains: 1, ms: 30 },
  { concurrency: 1, drains: 2, ms: 0 },
])(
  "away for three rounds, max deliver 3, $drains drains at concurrency $concurrency: at least 90 of 100 arrive",
  async ({ concurrency, drains, ms }) => {
    const { drain, left } = await given(100, { max_deliver: 3 });
    let isAway = true;
    const arrived = new Set<number>();
    const handler = async ({ sequence }: Message): Promise<Response> => {
      await pause(ms);
      if (!isAway) arrived.add(sequence);
      return new Response(null, { status: isAway ? 503 : 204 });
    };
    const options = { handler, concurrency, stopAfterFailures: 5, retryDelay: () => 20 };
    const reports: Report[] = [];
    const round = async (): Promise<void> => {
      reports.push(...(await Promise.all(Array.from({ length: drains }, () => drain(options)))));
      await pause(50);
    };
    for (let away = 0; away < 3; away += 1) await round();
    // No more are asked for than may fail, and what would be given back costs no delivery.
    const released = reports.reduce((all, report) => all + report.released, 0);
    expect(reports.every(({ reason }) => reason === "handlers-failing")).toBe(true);
    expect(released).toBeLessThanOrEqual(concurrency * reports.length);
    isAway = false;
    for (let back = 0; back < 8 && (await left()) > 0; back += 1) await round();
    const exhausted = reports.reduce((all, report) => all + report.exhausted, 0);
    expect(arrived.size).toBeGreaterThanOrEqual(90);
    expect(arrived.size + exhausted).toBe(100);
    expect(reports.every((report) => sum(report) === report.fetched)).toBe(true);
  },
);

test("failing in a row, no more handlers run at once than may still fail", async () => {
  const { drain } = await given(40);
  let started = 0;
  const handler = async (): Promise<never> => {
    started += 1;
    await pause(5 * started);
    throw new Error("no");
  };
  const options = { handler, concurrency: 4, stopAfterFailures: 6, retryDelay: () => 60_000 };
  const report = await drain(options);
  expect(report).toMatchObject({ outcome: "retryable", reason: "handlers-failing", retried: 6 });
  expect(started).toBe(6);
});
