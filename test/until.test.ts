// A drain until its limit: what comes while it waits is handled at once, and waiting ends where a fault or the limit ends it.
import { type NatsConnection, wsconnect } from "@nats-io/nats-core";
import { expect, onTestFinished, test } from "vitest";
import { defineDrain, type Observer } from "../src/index.ts";
import { labServer } from "./support/lab-client.ts";

const BASE = { auth: { user: "drain", password: "drain-pw" }, stream: "S", consumer: "c", maxWaitMs: 300 };

async function given() {
  const server = await labServer();
  await server.createStream("S");
  await server.createConsumer("S", "c");
  return server;
}

test("a drain until its limit handles what comes after it was empty, within milliseconds", async () => {
  const server = await given();
  const waits: number[] = [];
  const drain = defineDrain({
    ...BASE,
    servers: server.wsUrl,
    until: "limit",
    handler: (message) => void waits.push(Date.now() - message.timestamp.getTime()),
  });
  const running = drain.run({ limitMs: 4_000 });
  for (let sent = 0; sent < 6; sent += 1) {
    await server.publish("S.event", 1);
    await new Promise((resolve) => setTimeout(resolve, 350));
  }
  const report = await running;
  expect(report).toMatchObject({ outcome: "completed", fetched: 6, acked: 6, pending: 0 });
  expect(report.timings.totalMs).toBeGreaterThan(3_000);
  expect(report.timings.totalMs).toBeLessThan(4_000);
  expect(waits.toSorted((a, b) => a - b)[3]).toBeLessThan(250);
});

test("a drain until its limit makes Fetch after Fetch, unless `fetches` bounds them", async () => {
  const server = await given();
  await server.publish("S.event", 25);
  const options = { ...BASE, servers: server.wsUrl, until: "limit" as const, batch: 5, handler: () => {} };
  const bounded = await defineDrain({ ...options, fetches: 2 }).run({ limitMs: 3_000 });
  expect(bounded).toMatchObject({ reason: "batch-full", acked: 10 });
  const unbounded = await defineDrain(options).run({ limitMs: 1_500 });
  expect(unbounded).toMatchObject({ outcome: "completed", acked: 15, pending: 0 });
});

test("a heartbeat that is lost while it waits ends it, retryable", async () => {
  const server = await given();
  await server.publish("S.event", 1);
  const handled = Promise.withResolvers<void>();
  const options = {
    ...BASE,
    servers: server.wsUrl,
    until: "limit" as const,
    heartbeatMs: 300,
    maxWaitMs: 3_000,
  };
  const running = defineDrain({ ...options, handler: () => handled.resolve() }).run({ limitMs: 15_000 });
  await handled.promise;
  await expect.poll(async () => (await server.consumerState("S", "c")).waiting).toBe(1);
  await server.signal("SIGSTOP");
  const report = await running;
  expect(report).toMatchObject({ outcome: "retryable", reason: "heartbeat-lost", fetched: 1 });
  await server.signal("SIGCONT");
});

test("an observer is told of each step, and one that throws or never ends harms nothing", async () => {
  const server = await given();
  await server.publish("S.event", 3);
  const told: string[] = [];
  const observer: Observer = {
    start: ({ stream }) => void told.push(`start ${stream}`),
    connected: () => void told.push("connected"),
    message: (message) => ({
      headers: { traceparent: `00-${message.sequence}` },
      end: ({ settlement }) => void told.push(`${message.sequence} ${settlement}`),
    }),
    fetched: ({ reason, messages }) => void told.push(`fetched ${messages} ${reason}`),
    settled: ({ confirmed }) => void told.push(`settled ${confirmed}`),
    report: ({ reason }) => void told.push(`report ${reason}`),
  };
  const seen: unknown[] = [];
  const handler = (_message: unknown, { headers }: { headers: unknown }): void => void seen.push(headers);
  await defineDrain({ ...BASE, servers: server.wsUrl, observer, handler }).run({ limitMs: 5_000 });
  expect(seen).toEqual([1, 2, 3].map((sequence) => ({ traceparent: `00-${sequence}` })));
  expect(told).toEqual([
    "start S",
    "connected",
    "1 ack",
    "2 ack",
    "3 ack",
    "fetched 3 empty",
    "settled 3",
    "report empty",
  ]);
  await server.publish("S.event", 2);
  const fails = (): never => {
    throw new Error("observer");
  };
  const broken: Observer = { start: fails, message: fails, report: () => new Promise(() => {}) };
  const report = await defineDrain({ ...BASE, servers: server.wsUrl, observer: broken, handler }).run({
    limitMs: 3_000,
  });
  expect(report).toMatchObject({ acked: 2, findings: [{ code: "observer-failed" }] });
});

test("a report is kept in the history's bucket, and a bucket that is not there harms nothing", async () => {
  const authorization = `accounts { APP { jetstream: enabled, users: [ { user: admin, password: "admin-pw" },
    { user: drain, password: "drain-pw" } ] } }`;
  const server = await labServer({ authorization });
  await server.createStream("S");
  await server.createConsumer("S", "c");
  await server.createStream("KV_drains", { subjects: ["$KV.drains.>"], max_msgs_per_subject: 64 });
  await server.publish("S.event", 1);
  const options = { ...BASE, servers: server.wsUrl, handler: () => {} };
  const kept = await defineDrain({ ...options, history: { bucket: "drains" } }).run({ limitMs: 5_000 });
  expect(kept).toMatchObject({ acked: 1, findings: [] });
  const [stored] = await server.messages("KV_drains");
  expect(JSON.parse(stored?.data ?? "")).toMatchObject({ outcome: "completed", reason: "empty", acked: 1 });
  const lost = await defineDrain({ ...options, history: { bucket: "nowhere" } }).run({ limitMs: 3_000 });
  expect(lost).toMatchObject({ outcome: "completed", findings: [{ code: "history-failed" }] });
});

test("with fill it waits for each batch as long as max wait, hands over what came, and goes on", async () => {
  const server = await given();
  await server.publish("S.event", 3);
  const sizes: number[] = [];
  const running = defineDrain({
    ...BASE,
    servers: server.wsUrl,
    until: "limit",
    fill: true,
    maxWaitMs: 1_200,
    batch: 10,
    batchHandler: ({ length }) => void sizes.push(length),
  }).run({ limitMs: 6_000 });
  await expect.poll(() => sizes.length, { timeout: 5_000 }).toBe(1);
  await server.publish("S.event", 2);
  const report = await running;
  expect(report).toMatchObject({ outcome: "completed", reason: "deadline", fetched: 5, acked: 5 });
  expect(sizes).toEqual([3, 2]);
});

test("what the server delivers at the moment that a drain is stopped is given back, and not left to the ack wait", async () => {
  const server = await given();
  const nats = await wsconnect({ servers: server.wsUrl, user: "admin", pass: "admin-pw" });
  onTestFinished(() => nats.close());
  const drain = defineDrain({
    ...BASE,
    servers: server.wsUrl,
    until: "limit",
    prefetch: 0,
    handler: () => {},
  });
  // One that nats-server was sending when it heard that nobody listens any more, it drops; before, it was one of five.
  let dropped = 0;
  for (let delayUs = 0; delayUs < 3_000; delayUs += 75) {
    const stop = new AbortController();
    const running = drain.run({ limitMs: 10_000, signal: stop.signal });
    await expect.poll(async () => (await server.consumerState("S", "c")).waiting, { interval: 2 }).toBe(1);
    nats.publish("S.event", "late");
    // Less than a timer can wait.
    const stopAt = performance.now() + delayUs / 1_000;
    while (performance.now() < stopAt) await new Promise((turn) => setImmediate(turn));
    stop.abort();
    const { fetched, acked, released } = await running;
    expect(acked + released).toBe(fetched);
    const { ackPending } = await server.consumerState("S", "c");
    if (ackPending > dropped + released) dropped = ackPending - released;
  }
  expect(dropped).toBeLessThanOrEqual(2);
});

/** Asks again and again for an answer of the server's: how long it, or this process, stood still at worst. */
function watchRoundTrips(nats: NatsConnection): () => Promise<number> {
  let watching = true;
  const slowest = (async () => {
    let slowestMs = 0;
    while (watching) {
      const asked = performance.now();
      await nats.flush();
      slowestMs = Math.max(slowestMs, performance.now() - asked);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    return slowestMs;
  })();
  return () => {
    watching = false;
    return slowest;
  };
}

test("a drain until its limit takes no delivery at its end that no handler could start for", async () => {
  const server = await labServer();
  await server.createStream("S");
  await server.createConsumer("S", "c", { max_deliver: 1 });
  const nats = await wsconnect({ servers: server.wsUrl, user: "admin", pass: "admin-pw" });
  onTestFinished(() => nats.close());
  const publishing = setInterval(() => nats.publish("S.event", "x"), 1);
  onTestFinished(() => clearInterval(publishing));
  const drain = defineDrain({ ...BASE, servers: server.wsUrl, until: "limit", handler: () => {} });
  // 80 ms are spared at the end. Where one of the two stood still for half of that, a run proves nothing.
  let proofs = 0;
  for (let runs = 0; runs < 12 && proofs < 4; runs += 1) {
    const slowest = watchRoundTrips(nats);
    const report = await drain.run({ limitMs: 1_500 });
    const stoodStill = (await slowest()) > 40;
    expect(report).toMatchObject({ outcome: "completed", released: 0, unconfirmed: 0 });
    expect(report.acked).toBeGreaterThan(0);
    if (!stoodStill) expect(report.exhausted).toBe(0);
    if (!stoodStill) proofs += 1;
  }
  expect(proofs).toBeGreaterThan(0);
  clearInterval(publishing);
  expect(await server.consumerState("S", "c")).toMatchObject({ ackPending: 0 });
});
