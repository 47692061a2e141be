// A cron run whose server freezes, in workerd through wrangler's dev server, side by side with stock nats.js: what its scheduler
// gets to know, and when.
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { unstable_startWorker as startWorker } from "wrangler";
import { startTestServer, type TestServer } from "../support/nats.ts";

const HEARTBEAT_MS = 500;
// How long stock nats.js gets: three times its `expires`. Its run would end with the platform's wall limit, 15 minutes.
const PATIENCE_MS = 9_000;

let worker: Awaited<ReturnType<typeof startWorker>>;
let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
  await server.createStream("ORDERS");
  await server.createConsumer("ORDERS", "worker");
  worker = await startWorker({
    name: "cron-loss",
    entrypoint: fileURLToPath(new URL("../support/cron-worker.ts", import.meta.url)),
    compatibilityDate: "2026-11-01",
    bindings: { NATS_URL: { type: "plain_text", value: server.wsUrl } },
    dev: {
      server: { hostname: "127.0.0.1", port: 0 },
      inspector: false,
      persist: false,
      watch: false,
      logLevel: "none",
    },
  });
  await worker.ready;
});
afterAll(async () => {
  await server.stop();
  await worker.dispose();
});

/** Starts a run, freezes the server when its pull waits there, and tells what its scheduler hears within `patienceMs`. */
async function runAndFreeze(cron: string, patienceMs: number): Promise<{ outcome: string; afterMs: number }> {
  const url = new URL(
    `/cdn-cgi/local/scheduled?format=json&cron=${encodeURIComponent(cron)}`,
    await worker.url,
  );
  const giveUp = new AbortController();
  const running = fetch(url, { signal: giveUp.signal }).then(async (response) => {
    const { outcome } = (await response.json()) as { outcome: string }; // miniflare's format
    return outcome;
  });
  await expect
    .poll(async () => (await server.consumerState("ORDERS", "worker")).waiting, {
      timeout: 5_000,
      interval: 10,
    })
    .toBe(1);
  server.signal("SIGSTOP");
  const frozenAt = Date.now();
  const { promise: patience, resolve } = Promise.withResolvers<string>();
  const timer = setTimeout(() => resolve("still running"), patienceMs);
  const outcome = await Promise.race([running, patience]);
  const afterMs = Date.now() - frozenAt;
  clearTimeout(timer);
  giveUp.abort();
  await running.catch(() => {});
  server.signal("SIGCONT");
  return { outcome, afterMs };
}

test("with Sluice the scheduler sees a failed run within two heartbeats and a second of the loss", async () => {
  const { outcome, afterMs } = await runAndFreeze("1 * * * *", PATIENCE_MS);
  expect(outcome).toBe("exception");
  expect(afterMs).toBeLessThan(2 * HEARTBEAT_MS + 1_000);
});

test("with stock nats.js it sees nothing: the run goes on, pinned by a socket that is not closed", async () => {
  const { outcome } = await runAndFreeze("2 * * * *", PATIENCE_MS);
  expect(outcome).toBe("still running");
});
