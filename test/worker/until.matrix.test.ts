// The deployable Worker with UNTIL "limit", in workerd: cron runs that overlap leave no gap in which a message waits.
import { setTimeout as sleep } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { startDevWorker } from "../../src/demo/dev-worker.ts";
import { percentile } from "../bench/stats.ts";
import { startTestServer } from "../support/nats.ts";
import { startTarget } from "../support/target.ts";

const EVERY_MS = 4_000;
const MESSAGES = 150;

test("a message is posted within milliseconds, over two ticks whose runs overlap", {
  timeout: 60_000,
}, async () => {
  const stopping = new AbortController();
  const server = await startTestServer();
  const target = await startTarget();
  onTestFinished(async () => {
    stopping.abort();
    await target[Symbol.asyncDispose]();
    await server.stop();
  });
  await server.createStream("EVENTS");
  await server.createConsumer("EVENTS", "sluice");
  const vars = {
    NATS_URL: server.wsUrl,
    NATS_STREAM: "EVENTS",
    NATS_CONSUMER: "sluice",
    TARGET_URL: target.url,
    UNTIL: "limit",
    LIMIT_MS: String(EVERY_MS + 2_500),
    MAX_WAIT_MS: "1000",
  };
  const secrets = { DRAIN_TOKEN: "drain-token-1234", NATS_USER: "drain", NATS_PASSWORD: "drain-pw" };
  const worker = await startDevWorker({ vars, secrets, port: 0, signal: stopping.signal });

  const [sentAt, arrivedAt]: [number[], number[]] = [[], []];
  target.answer = ({ body }) => {
    arrivedAt[Number(body)] ??= performance.now();
    return {};
  };
  const startedAt = performance.now();
  const until = (at: number): Promise<void> => sleep(Math.max(0, at - performance.now()));
  const tick = async (index: number): Promise<string> => {
    await until(startedAt + index * EVERY_MS);
    const response = await fetch(new URL("/cdn-cgi/local/scheduled?format=json", worker.url));
    return ((await response.json()) as { outcome: string }).outcome; // miniflare's format
  };
  const ticks = Promise.all([tick(0), tick(1)]);
  await expect.poll(async () => (await server.consumerState("EVENTS", "sluice")).waiting).toBe(1);
  const from = performance.now();
  const leftMs = startedAt + 2 * EVERY_MS - from;
  const moments = Array.from({ length: MESSAGES }, () => Math.random() * leftMs);
  await Promise.all(
    moments.map(async (moment, index) => {
      await until(from + moment);
      sentAt[index] = performance.now();
      await server.publish("EVENTS.made", 1, [String(index)]);
    }),
  );
  expect(await ticks).toEqual(["ok", "ok"]);
  expect(target.events).toHaveLength(MESSAGES);
  const waits = sentAt.map((sent, index) => (arrivedAt[index] ?? Number.POSITIVE_INFINITY) - sent);
  expect(percentile(waits, 99)).toBeLessThan(250);
});
