// The deployable Worker with DRAINS through a real queue: a cron run sends a message for each other drain that the backlog is
// worth, and the queue starts an invocation of the same Worker for each.
import type { V4QueueConsumerOptions } from "miniflare";
import { expect, test } from "vitest";
import { labProxy, labServer, labStatusPeer } from "../support/lab-client.ts";
import { launchWorker } from "../support/miniflare.ts";

const PATIENCE = { timeout: 25_000, interval: 50 };

/** A backlog of 500, and the Worker of `main` whose queue has these consumers. */
async function given(main: string, queueConsumers: Record<string, V4QueueConsumerOptions>) {
  const server = await labServer();
  await server.createStream("ORDERS");
  await server.createConsumer("ORDERS", "billing");
  await server.publish("ORDERS.new", 500);
  const proxy = await labProxy(server);
  const target = await labStatusPeer(204);
  const miniflare = await launchWorker(new URL(`../../src/worker/${main}`, import.meta.url), {
    bindings: {
      NATS_URL: proxy.url,
      NATS_STREAM: "ORDERS",
      NATS_CONSUMER: "billing",
      NATS_USER: "drain",
      NATS_PASSWORD: "drain-pw",
      TARGET_URL: `http://127.0.0.1:${target.port}/`,
      MAX_WAIT_MS: "500",
      DRAINS: "4",
    },
    queueProducers: { DRAINS_QUEUE: "drains" },
    queueConsumers,
  });
  const run = await (await miniflare.getWorker()).scheduled({ cron: "* * * * *" });
  expect(run).toMatchObject({ outcome: "ok" });
  const left = async (): Promise<number> => {
    const { pending, ackPending } = await server.consumerState("ORDERS", "billing");
    return pending + ackPending;
  };
  return { left, drains: async () => (await proxy.counts()).accepted };
}

test.each(["index.ts", "with-dashboard.ts"])("%s: a queue's invocations drain for DRAINS", async (main) => {
  const consumers = { drains: { maxBatchSize: 1, maxBatchTimeout: 0, maxConcurrency: 3 } };
  const { left, drains } = await given(main, consumers);
  await expect.poll(drains, PATIENCE).toBe(4);
  // A hundred each: what one drain's Fetch takes.
  await expect.poll(left, PATIENCE).toBe(100);
});

test("a Worker with a queue for DRAINS calls none of its own invocations", async () => {
  const { left, drains } = await given("index.ts", {});
  expect([await left(), await drains()]).toEqual([400, 1]);
});
