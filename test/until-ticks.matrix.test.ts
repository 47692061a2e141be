// `until: "limit"` under a scheduler's ticks: how long a message waits from publish to handled.
import { expect, test } from "vitest";
import { planBudget } from "../src/index.ts";
import { percentile } from "./bench/stats.ts";
import { labServer } from "./support/lab-client.ts";
import { runTicks, type Ticked } from "./support/ticks.ts";

const EVERY_MS = 4_000;
const MESSAGES = 150;

async function ticked(limitMs: number): Promise<Ticked> {
  const server = await labServer();
  await server.createStream("S");
  await server.createConsumer("S", "c");
  return await runTicks({
    drain: {
      servers: server.wsUrl,
      auth: { user: "drain", password: "drain-pw" },
      stream: "S",
      consumer: "c",
    },
    everyMs: EVERY_MS,
    limitMs,
    ticks: 2,
    messages: MESSAGES,
    publish: (body) => server.publish("S.event", 1, [body]),
  });
}

function expectTrue({ reports, handlings }: Ticked): void {
  const acked = reports.reduce((total, report) => total + report.acked, 0);
  expect([acked, handlings]).toEqual([MESSAGES, MESSAGES]);
  expect(reports.map(({ outcome }) => outcome)).toEqual(["completed", "completed", "completed"]);
}

test.concurrent("a message waits for the next tick only in the gap between two drains", async () => {
  const limitMs = 3_200;
  const result = await ticked(limitMs);
  expectTrue(result);
  const { closeMs, settleMs } = planBudget(limitMs);
  // What is sent shortly before the drain's end may be released, and so waits for the next one as what comes after it.
  const gapFromMs = limitMs - settleMs - closeMs - 100;
  const outside = result.waits.filter(({ intoTickMs }) => intoTickMs > 250 && intoTickMs < gapFromMs);
  expect(outside.length).toBeGreaterThan(MESSAGES / 3);
  expect(
    percentile(
      outside.map(({ waitMs }) => waitMs),
      99,
    ),
  ).toBeLessThan(250);
  expect(Math.max(...result.waits.map(({ waitMs }) => waitMs))).toBeLessThan(EVERY_MS);
});

test.concurrent("no message waits for a tick where the drains of two ticks overlap", async () => {
  const result = await ticked(EVERY_MS + 2_000);
  expectTrue(result);
  expect(
    percentile(
      result.waits.map(({ waitMs }) => waitMs),
      99,
    ),
  ).toBeLessThan(250);
});
