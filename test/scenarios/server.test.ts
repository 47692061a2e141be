// The server, its consumer and its streams change under a drain: each message is accounted for, and the report says why.
import { expect, test } from "vitest";
import { type DrainOptions, defineDrain, type Message, reject, retry } from "../../src/index.ts";
import { labProxy, labScripted, labServer } from "../support/lab-client.ts";
import { blockOf } from "../support/raw-publisher.ts";
import { scenarioServer } from "./bed.ts";

const given = scenarioServer();
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

// hmchangw/newchat #346: no dead-letter path at max deliver.
test("a dead-letter stream that is deleted during the last delivery and made again: the dead letter arrives", async () => {
  const { server, stream, drain } = await given(1, { max_deliver: 1 });
  const dead = { subjects: [`dlq.${stream}`] };
  await server.createStream(`DEAD-${stream}`, dead);
  let again: Promise<unknown> | undefined;
  const handler = async (): Promise<never> => {
    await server.deleteStream(`DEAD-${stream}`);
    again = pause(1_500).then(() => server.createStream(`DEAD-${stream}`, dead));
    throw new Error("no");
  };
  const report = await drain({ handler, deadLetter: { subject: `dlq.${stream}` } }, 8_000);
  await again;
  expect(report).toMatchObject({ deadLettered: 1, exhausted: 0 });
  expect((await server.streamState(`DEAD-${stream}`)).messages).toBe(1);
});

test("a dead-letter stream that stays away: the message is counted as exhausted, and stays in its stream", async () => {
  const { server, stream, drain } = await given(1, { max_deliver: 1 });
  const report = await drain(
    { handler: () => reject("no"), deadLetter: { subject: `dlq.${stream}` } },
    2_000,
  );
  expect(report).toMatchObject({ deadLettered: 0, rejected: 0, exhausted: 1 });
  expect((await server.streamState(stream)).messages).toBe(1);
});

// nats-io/nats-server #5305 and #5338: docs/guarantees.md tells what a server before 2.10.15 does.
test("a drain whose connection is cut while its pull waits: a retry that is due then costs no delivery, since 2.10.15", async () => {
  const { server, options, stream, drain } = await given(3, { ack_wait: 3_000 * 1e6 });
  const proxy = await labProxy(server);
  const came: string[] = [];
  const handler = ({ sequence, deliveryCount }: Message): unknown => {
    came.push(`${sequence}/${deliveryCount}`);
    return sequence === 1 && deliveryCount === 1 ? retry({ delayMs: 2_000 }) : undefined;
  };
  const all = { ...options, servers: proxy.url, stream, consumer: "worker", prefetch: 9, handler } as const;
  // The server looks for requests that nobody waits for with each heartbeat.
  const rare = { until: "limit", maxWaitMs: 20_000, heartbeatMs: 6_000 };
  const running = defineDrain({ ...all, ...rare } as DrainOptions).run({ limitMs: 80_000 });
  await expect
    .poll(() => server.consumerState(stream, "worker"), { timeout: 5_000 })
    .toMatchObject({ pending: 0, ackPending: 1, waiting: 1 });
  await proxy.cut();
  expect(await running).toMatchObject({ reason: "connection-lost", fetched: 3 });
  // No question reaches the server meanwhile: it would look for them, too.
  await pause(2_500);
  const rest = { handler, maxWaitMs: 4_000, until: "limit" } as never;
  const report = await drain(rest, 7_000);
  const isOld = /^2\.(9\.|10\.(\d|1[0-4])$)/.test(server.version);
  expect(came.slice(3)).toEqual(isOld ? ["3/1", "1/3"] : ["1/2"]);
  expect(report).toMatchObject({ acked: came.length - 3, exhausted: 0 });
});

// nats-io/nats-server #1716, nats-io/nats.rs #860: stalls at max_ack_pending.
test.each([1, 2, 5])(
  "max_ack_pending %d with 20 pending, a larger concurrency: all are handled in one drain",
  async (max) => {
    const { drain } = await given(20, { max_ack_pending: max });
    const report = await drain({ handler: () => pause(10), concurrency: 8 }, 8_000);
    expect(report).toMatchObject({ outcome: "completed", reason: "empty", acked: 20 });
  },
);

// nats-io/nats-server #6093: what waits for its retry takes a place of max_ack_pending.
test("a retry that waits takes the last place of max_ack_pending: not empty, and the limit is named", async () => {
  const { drain } = await given(3, { max_ack_pending: 1 });
  const options = { handler: () => Promise.reject(new Error("no")), retryDelay: () => 60_000 };
  const report = await drain(options);
  expect(report).toMatchObject({ reason: "limit-exceeded", retried: 1, pending: 2 });
});

test("drains that start at once where one pull request may wait: each that is not heard names the limit, or says that it may be it", async () => {
  const { drain } = await given(0, { max_waiting: 1 });
  const options = { handler: () => {}, maxWaitMs: 3_000 };
  const reports = await Promise.all([1, 2, 3].map(() => drain(options, 12_000)));
  const refused = reports.filter(({ reason }) => reason !== "empty");
  expect(refused.length).toBeGreaterThan(0);
  for (const { outcome, reason, message } of refused) {
    expect(outcome).toBe("retryable");
    // nats-server 2.9 says it, and 2.15 nothing.
    if (reason !== "limit-exceeded") expect(message).toMatch(/max_waiting is 1\./);
  }
});

test("a paused consumer: nothing comes, and the report says that it is paused", async ({ skip }) => {
  const { server, stream, drain, left } = await given(3);
  if (server.version.startsWith("2.9.")) skip("pausing came with nats-server 2.11");
  await server.pauseConsumer(stream, "worker", Date.now() + 600_000);
  const report = await drain({ handler: () => {} });
  expect(report).toMatchObject({ outcome: "completed", fetched: 0 });
  expect(report.message).toContain("paused");
  expect(await left()).toBe(3);
});

// ADR-42: the member that holds the pin is gone, and the pin is not yet.
test("a priority group whose pin another client holds: not empty, and the group is named", async ({
  skip,
}) => {
  const group = { priority_groups: ["A"], priority_policy: "pinned_client", priority_timeout: 60e9 };
  const { server, stream, drain } = await given(0);
  if (/^2\.(9|10)\./.test(server.version)) skip("priority groups came with nats-server 2.11");
  await server.createConsumer(stream, "pinned", group as never); // newer than the types
  await server.publish(`${stream}.event`, 5);
  const options = { handler: () => {}, consumer: "pinned", priorityGroup: { group: "A" } } as never;
  expect(await drain(options)).toMatchObject({ reason: "empty", acked: 5 });
  await server.publish(`${stream}.event`, 3);
  const report = await drain(options);
  expect(report).toMatchObject({ outcome: "retryable", reason: "limit-exceeded", fetched: 0, pending: 3 });
  expect(report.message).toContain('"A"');
});

test("a priority group's pin is the server's, whatever pin a message says it has", async ({ skip }) => {
  const group = { priority_groups: ["A"], priority_policy: "pinned_client", priority_timeout: 60e9 };
  const { server, stream, drain } = await given(0);
  if (/^2\.(9|10)\./.test(server.version)) skip("priority groups came with nats-server 2.11");
  await server.createConsumer(stream, "pinned", group as never); // newer than the types
  await server.publishRaw({
    subject: `${stream}.event`,
    block: blockOf("Nats-Pin-Id: forged", "nats-pin-id: forged"),
    count: 6,
  });
  const own = { consumer: "pinned", priorityGroup: { group: "A" }, batch: 6, prefetch: 1 };
  // Slower than the next pull, which has to name the pin.
  const handler = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));
  const report = await drain({ ...own, handler } as never);
  expect(report).toMatchObject({ outcome: "completed", acked: 6 });
});

// nats-io/nats-server #5032, centrifugal/centrifugo #1166, nats-io/nack #167: a consumer that went, or was made anew.
test.each(["one at a time", "batch"])(
  "the stream is deleted under the handlers, %s: nothing is said to be acked",
  async (how) => {
    const { server, stream, drain } = await given(5);
    let deleted: Promise<unknown> | undefined;
    const remove = async (): Promise<void> => {
      deleted ??= server.deleteStream(stream);
      await deleted;
    };
    const report = await drain(
      how === "batch" ? { batchHandler: remove } : { handler: remove, concurrency: 5 },
    );
    expect(report).toMatchObject({ outcome: "fatal", acked: 0, unconfirmed: report.fetched });
    expect(["consumer-deleted", "stream-not-found"]).toContain(report.reason);
  },
);

// nats-io/nats.java #1272: consumers that pull and get nothing until a restart.
test("two drains at once over one backlog share it, and nothing is handled twice", async () => {
  const { drain, left } = await given(60, { max_deliver: 2 });
  const times = new Map<number, number>();
  const shares = await Promise.all(
    [0, 1].map(async () => {
      const handler = async ({ sequence }: Message): Promise<void> => {
        times.set(sequence, (times.get(sequence) ?? 0) + 1);
        await pause(40);
      };
      return (await drain({ handler, concurrency: 2 }, 8_000)).acked;
    }),
  );
  expect(shares.reduce((total, acked) => total + acked)).toBe(60);
  expect([times.size, Math.max(...times.values()), await left()]).toEqual([60, 1, 0]);
  expect(Math.min(...shares)).toBeGreaterThan(15);
});

test.each(["server", "leader"] as const)(
  "confirm: %s on a connection that died ends at once, and says how many",
  async (confirm) => {
    const server = await labServer();
    await server.createStream("ORDERS");
    await server.createConsumer("ORDERS", "worker");
    await server.publish("ORDERS.new", 10);
    const proxy = await labProxy(server);
    let cut: Promise<unknown> | undefined;
    const report = await defineDrain({
      servers: proxy.url,
      auth: { user: "drain", password: "drain-pw" },
      stream: "ORDERS",
      consumer: "worker",
      concurrency: 10,
      confirm,
      handler: async () => {
        cut ??= proxy.cut();
        await cut;
        await pause(50);
      },
    }).run({ limitMs: 20_000 });
    expect(report).toMatchObject({ outcome: "retryable", reason: "connection-lost", acked: 0 });
    expect(report.unconfirmed).toBe(report.fetched);
    expect(report.timings.totalMs).toBeLessThan(3_000);
  },
);

test("5,000 acks to a server that froze: the drain waits for its settle slice and no longer", async () => {
  const server = await labServer();
  await server.createStream("ORDERS");
  await server.createConsumer("ORDERS", "worker", { max_ack_pending: 10_000 });
  await server.publish("ORDERS.new", 5_000);
  const settleTimeoutMs = 600;
  let frozenAt = 0;
  const report = await defineDrain({
    servers: server.wsUrl,
    auth: { user: "drain", password: "drain-pw" },
    stream: "ORDERS",
    consumer: "worker",
    batch: 5_000,
    settleTimeoutMs,
    batchHandler: async () => {
      await server.signal("SIGSTOP");
      frozenAt = performance.now();
    },
  }).run({ limitMs: 20_000 });
  const tookMs = performance.now() - frozenAt;
  await server.signal("SIGCONT");
  expect(report).toMatchObject({ outcome: "retryable", fetched: 5_000, acked: 0, unconfirmed: 5_000 });
  expect(tookMs).toBeLessThan(settleTimeoutMs + 2_500);
});

test("more deliveries than were asked for end the connection, within the limit and with a reason", async () => {
  const many = Array.from({ length: 5_000 }, () => ({ deliver: "x" }));
  const server = await labScripted({ pulls: [many] });
  const report = await defineDrain({
    servers: server.wsUrl,
    stream: "ORDERS",
    consumer: "worker",
    batch: 10,
    handler: () => {},
  }).run({ limitMs: 5_000 });
  expect(report).toMatchObject({ outcome: "retryable", reason: "connection-lost" });
  expect(report.fetched).toBeLessThanOrEqual(10);
  expect(report.timings.totalMs).toBeLessThan(4_000);
});
