// The examples of Workers in the platform's real parts, as miniflare has them: Queues, Workflows and alarms. A server counts the
// drains that reach it, or refuses each of them in its own way.
import type { Miniflare, V4WorkerOptions } from "miniflare";
import { describe, expect, test } from "vitest";
import { type LabServer, labProxy, labServer } from "../support/lab-client.ts";
import { launchWorker } from "../support/miniflare.ts";
import { gap, refusing } from "../support/refusing.ts";

const PATIENCE = { timeout: 25_000, interval: 50 };

async function ordersServer(): Promise<LabServer> {
  const server = await labServer({
    authorization: "authorization { token: s3cret }",
    adminLogin: { token: "s3cret" },
  });
  await server.createStream("ORDERS");
  await server.createConsumer("ORDERS", "billing");
  await server.publish("ORDERS.new", 2);
  return server;
}

async function drained(server: LabServer): Promise<void> {
  const left = async (): Promise<number> => {
    const { pending, ackPending } = await server.consumerState("ORDERS", "billing");
    return pending + ackPending;
  };
  await expect.poll(left, PATIENCE).toBe(0);
}

/** The bindings of an example's Worker, which runs for this test alone. */
async function start<Env>(name: string, url: string, parts: Partial<V4WorkerOptions>): Promise<Env> {
  return await (await launch(name, url, parts)).getBindings<Env>();
}

async function launch(name: string, url: string, parts: Partial<V4WorkerOptions>): Promise<Miniflare> {
  const bindings = { NATS_URL: url, NATS_TOKEN: "s3cret" };
  return await launchWorker(new URL(`../../examples/${name}/worker.ts`, import.meta.url), {
    bindings,
    ...parts,
  });
}

test("a cron run of a Worker that calls itself through a service binding drains with several at once", async () => {
  const server = await ordersServer();
  await server.publish("ORDERS.new", 500);
  const proxy = await labProxy(server);
  const self = { SELF: { name: "drain-orders", entrypoint: "Drains" } };
  const miniflare = await launch("cloudflare-fan-out", proxy.url, { serviceBindings: self });
  const run = await (await miniflare.getWorker()).scheduled({ cron: "* * * * *" });
  expect(run).toMatchObject({ outcome: "ok" });
  expect(await server.consumerState("ORDERS", "billing")).toMatchObject({ pending: 0, ackPending: 0 });
  expect((await proxy.counts()).accepted).toBe(8);
});

describe("a message of a real queue", () => {
  interface Env {
    readonly ORDERS_READY: { send(body: string): Promise<unknown> };
  }
  const queues = {
    queueProducers: { ORDERS_READY: "orders-ready" },
    queueConsumers: { "orders-ready": { maxBatchTimeout: 0 } },
  };

  test("starts a drain", async () => {
    const server = await ordersServer();
    const { ORDERS_READY } = await start<Env>("cloudflare-queues", server.wsUrl, queues);
    await ORDERS_READY.send("tick");
    await drained(server);
  });

  test("is sent by a cron run for each other drain that the backlog is worth", async () => {
    const server = await ordersServer();
    await server.publish("ORDERS.new", 500);
    const proxy = await labProxy(server);
    const parts = {
      ...queues,
      queueConsumers: { "orders-ready": { maxBatchSize: 1, maxBatchTimeout: 0, maxConcurrency: 7 } },
    };
    const miniflare = await launch("cloudflare-queues", proxy.url, parts);
    const run = await (await miniflare.getWorker()).scheduled({ cron: "* * * * *" });
    expect(run).toMatchObject({ outcome: "ok" });
    await expect.poll(async () => (await proxy.counts()).accepted, PATIENCE).toBe(8);
    await drained(server);
  });

  test("comes again after the report's wait where another try may help", async () => {
    const { url, at } = await refusing(503);
    const { ORDERS_READY } = await start<Env>("cloudflare-queues", url, queues);
    await ORDERS_READY.send("tick");
    await expect.poll(() => at.length, PATIENCE).toBeGreaterThan(1);
    expect(gap(at)).toBeGreaterThan(4_000);
  });
});

describe("a step of a real workflow", () => {
  interface Env {
    readonly DRAIN: { create(): Promise<{ status(): Promise<{ status: string }> }> };
  }
  const workflows = { workflows: { DRAIN: { name: "drain-orders", className: "DrainOrders" } } };

  test("drains, and the instance is complete", async () => {
    const server = await ordersServer();
    const { DRAIN } = await start<Env>("cloudflare-workflows", server.wsUrl, workflows);
    const instance = await DRAIN.create();
    await drained(server);
    await expect.poll(async () => (await instance.status()).status, PATIENCE).toBe("complete");
  });

  test("is tried again after the report's wait where that may help", async () => {
    const { url, at } = await refusing(503);
    const { DRAIN } = await start<Env>("cloudflare-workflows", url, workflows);
    await DRAIN.create();
    await expect.poll(() => at.length, PATIENCE).toBeGreaterThan(1);
    expect(gap(at)).toBeGreaterThan(4_000);
  });

  test("is tried once where only an operator can help, and the instance is errored", async () => {
    const { url, at } = await refusing(401);
    const { DRAIN } = await start<Env>("cloudflare-workflows", url, workflows);
    const instance = await DRAIN.create();
    await expect.poll(async () => (await instance.status()).status, PATIENCE).toBe("errored");
    expect(at).toHaveLength(1);
  });
});

describe("the alarm of a real Durable Object", () => {
  interface Env {
    readonly DRAINER: { getByName(name: string): { start(): Promise<void> } };
  }
  const objects = { durableObjects: { DRAINER: { className: "Drainer", useSQLite: true } } };

  test("drains", async () => {
    const server = await ordersServer();
    const { DRAINER } = await start<Env>("durable-object-alarm", server.wsUrl, objects);
    await DRAINER.getByName("orders").start();
    await drained(server);
  });

  test("rings again after the report's wait, and so no failure ends the chain", async () => {
    const { url, at } = await refusing(503);
    const { DRAINER } = await start<Env>("durable-object-alarm", url, objects);
    await DRAINER.getByName("orders").start();
    await expect.poll(() => at.length, PATIENCE).toBeGreaterThan(2);
    expect(gap(at)).toBeGreaterThan(4_000);
  });
});
