// `until: "limit"` under the alarms of a real Durable Object: how long a message waits from publish to handled, also between two
// drains, as the alarm of the next one follows at once.
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import type { Report } from "../src/index.ts";
import { percentile } from "./bench/stats.ts";
import { labServer } from "./support/lab-client.ts";
import { launchWorker } from "./support/miniflare.ts";

const LIMIT_MS = 3_000;
const MESSAGES = 150;
/** Of publishing: four drains, and the gaps between them. */
const LONG_MS = 4 * LIMIT_MS;

/** When each message was handled first, and how many were handled in all. */
async function startTarget() {
  const handledAt: number[] = [];
  let handlings = 0;
  const server = createServer(async (request, response) => {
    const index = Number(await text(request));
    handlings += 1;
    handledAt[index] ??= performance.now();
    response.writeHead(204).end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo; // it listens on a port
  return { url: `http://127.0.0.1:${port}/`, handledAt, handlings: () => handlings };
}

interface Drainer {
  start(): Promise<void>;
  reports(): Promise<Report[]>;
}

test("a message waits for no alarm: drains that wait until their limit follow each other without a gap", async () => {
  const server = await labServer();
  await server.createStream("S");
  await server.createConsumer("S", "c");
  const target = await startTarget();
  const miniflare = await launchWorker(new URL("support/alarm-worker.ts", import.meta.url), {
    bindings: { NATS_URL: server.wsUrl, HANDLED_URL: target.url, LIMIT_MS: String(LIMIT_MS) },
    durableObjects: { DRAINER: { className: "Drainer", useSQLite: true } },
  });
  const { DRAINER } = await miniflare.getBindings<{ DRAINER: { getByName(name: string): Drainer } }>();
  const drainer = DRAINER.getByName("events");
  await drainer.start();
  const waiting = async (): Promise<number> => (await server.consumerState("S", "c")).waiting;
  await expect.poll(waiting, { timeout: 20_000, interval: 20 }).toBeGreaterThan(0);

  const sentAt: number[] = [];
  const roundTrips: number[] = [];
  const from = performance.now();
  const published = Array.from({ length: MESSAGES }, async (_, index) => {
    await sleep(Math.random() * LONG_MS);
    sentAt[index] = performance.now();
    // What the machine needs at that moment for a request to workerd and back, beside it.
    const asked = miniflare.dispatchFetch("http://localhost/").then(async (response) => {
      await response.text();
      roundTrips[index] = performance.now() - (sentAt[index] ?? 0);
    });
    await Promise.all([server.publish("S.event", 1, [String(index)]), asked]);
  });
  await Promise.all(published);
  await expect.poll(target.handlings, { timeout: 20_000 }).toBe(MESSAGES);

  const waits = sentAt.map((sent, index) => (target.handledAt[index] ?? Number.NaN) - sent);
  // A message goes through nats-server, workerd and the target: on a machine that is busy with other things, thrice as long.
  expect(percentile(waits, 99)).toBeLessThan(Math.max(250, 3 * percentile(roundTrips, 99)));
  const reports = await drainer.reports();
  expect(reports.length).toBeGreaterThanOrEqual(3);
  expect(new Set(reports.map(({ reason }) => reason))).toEqual(new Set(["deadline"]));
  // A drain that is followed at once ends with its limit: no more of them than fit the time, and no fewer.
  expect(performance.now() - from).toBeLessThan((reports.length + 2) * LIMIT_MS);
});
