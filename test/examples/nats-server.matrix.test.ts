// The configuration of examples/nats-server in real servers: a cluster of three and a leaf node. Partitions keep each key's order,
// also where a message is retried and two drains at once share each consumer, one of them through the leaf node.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type ConsumerConfig, jetstream, jetstreamManager, type StreamConfig } from "@nats-io/jetstream";
import { type NatsConnection, wsconnect } from "@nats-io/nats-core";
import { expect, onTestFinished, test } from "vitest";
import { findNatsBinary } from "../../src/demo/nats-binary.ts";
import { defineDrain, type Report } from "../../src/index.ts";

const FOLDER = fileURLToPath(new URL("../../examples/nats-server/", import.meta.url));
const PASSWORDS = { ADMIN_PASSWORD: "admin-pw", SLUICE_PASSWORD: "drain-pw", REGION_PASSWORD: "region-pw" };
const NODES = [0, 1, 2];
const PARTITIONS = [0, 1, 2, 3];
const KEYS = 12;
const PER_KEY = 10;
const PATIENCE_MS = 40_000;

async function freePort(): Promise<number> {
  const listener = createServer().listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address() as AddressInfo; // a listening TCP server's kind
  await once(listener.close(), "close");
  return port;
}

async function start(file: string, name: string, env: Record<string, string>, flags: readonly string[]) {
  const { path } = await findNatsBinary();
  const port = String(await freePort());
  const args = ["-c", join(FOLDER, file), "-n", name, "-a", "127.0.0.1", "-p", port, ...flags];
  const child = spawn(path, args, {
    stdio: "ignore",
    env: { ...process.env, ...PASSWORDS, ...env },
  });
  onTestFinished(async () => await end(child));
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGKILL");
  await once(child, "exit");
}

/** Asks until there is an answer: nodes start, and elect, when they are ready. */
async function until<T>(ask: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

/** The servers; resolves to their WebSocket addresses, the leaf node's last, and to the admin's connection. */
async function startAll(): Promise<{ wsUrls: string[]; admin: NatsConnection }> {
  const store = mkdtempSync(join(tmpdir(), "sluice-partitions-"));
  onTestFinished(() => rmSync(store, { recursive: true, force: true }));
  const ports = await Promise.all(
    NODES.map(async () => ({ ws: await freePort(), leaf: await freePort(), route: await freePort() })),
  );
  const routes = ports.map(({ route }) => `nats://127.0.0.1:${route}`).join(",");
  for (const [node, { ws, leaf, route }] of ports.entries()) {
    const env = { NATS_WS_PORT: `${ws}`, NATS_LEAF_PORT: `${leaf}`, NATS_STORE: join(store, `${node}`) };
    const flags = ["--cluster", `nats://127.0.0.1:${route}`, "--routes", routes];
    await start("cluster.conf", `node-${node}`, env, flags);
  }
  const leafWs = await freePort();
  const remotes = ports.map(({ leaf }) => `"nats-leaf://region:region-pw@127.0.0.1:${leaf}"`).join(", ");
  await start("leaf.conf", "eu-1", { NATS_WS_PORT: `${leafWs}`, NATS_HUB: `[${remotes}]` }, []);
  const wsUrls = [...ports.map(({ ws }) => ws), leafWs].map((port) => `ws://127.0.0.1:${port}`);
  const admin = await until(() =>
    wsconnect({ servers: wsUrls[0] ?? "", user: "admin", pass: "admin-pw", reconnect: false }),
  );
  onTestFinished(() => admin.close());
  return { wsUrls, admin };
}

const readJson = <T>(file: string): T => JSON.parse(readFileSync(join(FOLDER, file), "utf8")) as T; // as the example has it

test("partitions keep each key's order, through a leaf node too", { timeout: 120_000 }, async () => {
  const { wsUrls, admin } = await startAll();
  const manager = await until(() => jetstreamManager(admin));
  const stream = readJson<StreamConfig>("orders.stream.json");
  await until(() => manager.streams.add(stream));
  const consumer = readFileSync(join(FOLDER, "orders-0.consumer.json"), "utf8");
  for (const partition of PARTITIONS) {
    const config = JSON.parse(consumer.replaceAll(/(orders[-.])0/g, `$1${partition}`)) as ConsumerConfig; // likewise
    await until(() => manager.consumers.add("ORDERS", config));
  }
  const client = jetstream(admin);
  for (let count = 0; count < PER_KEY; count += 1) {
    await Promise.all(
      Array.from({ length: KEYS }, (_, key) =>
        until(() => client.publish(`orders.customer-${key}`, `${count}`)),
      ),
    );
  }

  const handled: { partition: string; key: string; count: number }[] = [];
  const drain = (partition: number, servers: string): Promise<Report> =>
    defineDrain({
      ...{
        servers,
        auth: { user: "sluice", password: "drain-pw" },
        inboxPrefix: "_INBOX_sluice",
        domain: "hub",
      },
      stream: "ORDERS",
      consumer: `orders-${partition}`,
      codec: "text",
      maxWaitMs: 1_000,
      fetches: 10,
      retryDelay: () => 20,
      handler: async ({ subject, value, deliveryCount }) => {
        await new Promise((resolve) => setTimeout(resolve, 2));
        // Every fifth comes again, and what is behind it has to wait.
        if (Number(value) % 5 === 0 && deliveryCount === 1) throw new Error("not yet");
        const [, stored = "", key = ""] = subject.split(".");
        handled.push({ partition: stored, key, count: Number(value) });
      },
    }).run({ limitMs: 20_000 });
  const [hub = "", , , leaf = ""] = wsUrls;
  const left = async (): Promise<number> => {
    const infos = await Promise.all(
      PARTITIONS.map((each) => manager.consumers.info("ORDERS", `orders-${each}`)),
    );
    return infos.reduce((total, info) => total + info.num_pending + info.num_ack_pending, 0);
  };
  const reports: Report[] = [];
  for (let rounds = 0; rounds < 10 && (await left()) > 0; rounds += 1) {
    const together = PARTITIONS.flatMap((each) => [drain(each, hub), drain(each, leaf)]);
    reports.push(...(await Promise.all(together)));
  }

  // One that finds its partition's only message with another drain may end so, and another try finds the rest.
  expect(
    reports.map(({ reason }) => reason).filter((reason) => !/^(empty|limit-exceeded)$/.test(reason)),
  ).toEqual([]);
  expect(handled).toHaveLength(KEYS * PER_KEY);
  const keys = Map.groupBy(handled, ({ key }) => key);
  expect(keys.size).toBe(KEYS);
  for (const [key, all] of keys) {
    expect([key, all.map(({ count }) => count)]).toEqual([
      key,
      Array.from({ length: PER_KEY }, (_, at) => at),
    ]);
    expect(new Set(all.map(({ partition }) => partition)).size).toBe(1);
  }
  expect(new Set(handled.map(({ partition }) => partition)).size).toBeGreaterThan(1);
  // Drains through the leaf node had their share.
  expect(reports.filter((_, at) => at % 2 === 1).some(({ acked }) => acked > 0)).toBe(true);
});
