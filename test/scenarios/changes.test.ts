// The stream and its messages change under the handlers, after reports on nats-server and its clients: each delivery is
// accounted for, the drain ends in time, and nothing is said to be acked that nobody heard.
import { expect, test } from "vitest";
import type { Message, Report } from "../../src/index.ts";
import { pause, scenarioServer, sum, total } from "./bed.ts";

const given = scenarioServer();

// nats-io/nats.net #860: a stream that keeps the last message of a subject replaces one that is being handled.
test("a message replaced by a newer one of its subject while it is handled: the drain ends, and the newer one is handled", async () => {
  const { server, stream, drain, left } = await given(1, {}, { max_msgs_per_subject: 1 });
  const seen: number[] = [];
  const handler = async ({ sequence }: Message): Promise<void> => {
    seen.push(sequence);
    if (sequence === 1) await server.publish(`${stream}.event`, 3);
    await pause(20);
  };
  const reports = [await drain({ handler })];
  for (let run = 0; run < 3 && (await left()) > 0; run += 1) reports.push(await drain({ handler }));
  expect(reports.every(({ outcome }) => outcome === "completed")).toBe(true);
  expect([seen[0], seen.at(-1), await left()]).toEqual([1, 4, 0]);
  expect(total(reports, "acked")).toBe(seen.length);
});

// nats-io/nats-server #5638, PR #3892: what is purged or discarded while it is delivered.
test.each(["one at a time", "batch"])(
  "the stream is purged under the handlers, %s: the drain ends in time and adds up",
  async (how) => {
    const { server, stream, drain, left } = await given(20);
    let purged: Promise<unknown> | undefined;
    const purge = async (): Promise<void> => {
      purged ??= server.purgeStream(stream);
      await purged;
    };
    const report = await drain(
      how === "batch" ? { batchHandler: purge } : { handler: purge, concurrency: 2, prefetch: 4 },
    );
    expect(report.outcome).not.toBe("fatal");
    expect(sum(report)).toBe(report.fetched);
    expect(report.timings.totalMs).toBeLessThan(3_000);
    expect(await left()).toBe(0);
    await server.publish(`${stream}.event`, 2);
    expect(await drain({ handler: () => {} })).toMatchObject({ reason: "empty", acked: 2 });
  },
);

// nats-io/nats-server #2607: purging another subject resets what a filtered consumer has pending.
test("another subject is purged under a filtered consumer: all of its own messages are handled", async () => {
  const { server, stream, drain } = await given(0, { filter_subject: "F.mine" }, { subjects: ["F.>"] });
  await server.publish("F.mine", 10);
  await server.publish("F.other", 10);
  await server.publish("F.mine", 10);
  let purged: Promise<unknown> | undefined;
  const handler = async ({ subject }: Message): Promise<void> => {
    expect(subject).toBe("F.mine");
    purged ??= server.purgeStream(stream, "F.other");
    await purged;
  };
  expect(await drain({ handler })).toMatchObject({ reason: "empty", fetched: 20, acked: 20, pending: 0 });
});

// nats-io/nats-server #1627: of two consumers of one interest stream, one acks away what the other has not seen.
test("two consumers of an interest stream: each drain handles all, and the stream is empty after both", async () => {
  const { server, stream, drain } = await given(0, {}, { retention: "interest" });
  await server.createConsumer(stream, "second");
  await server.publish(`${stream}.event`, 10);
  const options = { handler: () => {} };
  expect(await drain(options)).toMatchObject({ acked: 10 });
  expect((await server.streamState(stream)).messages).toBe(10);
  expect(await drain({ ...options, consumer: "second" } as never)).toMatchObject({ acked: 10 });
  expect((await server.streamState(stream)).messages).toBe(0);
});

// nats-io/nats-server #7148: max deliver is lowered while messages wait for another delivery.
test.each(["server", "leader"] as const)(
  "max deliver lowered under the handlers, confirm: %s: what cannot come again is exhausted, and not retried",
  async (confirm) => {
    const { server, stream, drain } = await given(6, { max_deliver: 5 });
    let lowered: Promise<unknown> | undefined;
    const counts = new Map<number, number>();
    const handler = async ({ sequence, deliveryCount }: Message): Promise<void> => {
      counts.set(sequence, deliveryCount);
      if (deliveryCount === 2) lowered ??= server.updateConsumer(stream, "worker", { max_deliver: 2 });
      await lowered;
      if (sequence > 2) return;
      throw new Error("no");
    };
    const own = { handler, confirm, until: "limit", retryDelay: () => 20 } as const;
    const report = await drain(own, 2_000);
    expect([...counts].sort()).toEqual([
      [1, 2],
      [2, 2],
      [3, 1],
      [4, 1],
      [5, 1],
      [6, 1],
    ]);
    expect(report).toMatchObject({ fetched: 8, acked: 4, retried: 2, exhausted: 2 });
    const told = report.findings.find(({ code }) => code === "deliveries-exhausted");
    expect(told?.message).toMatch(/^2 messages used up max deliver/);
  },
);

test("max deliver lowered between two drains: nothing hangs, and what may not come again is not waited for", async () => {
  const { server, stream, drain } = await given(3, { max_deliver: 5 });
  const fails = (): Promise<never> => Promise.reject(new Error("no"));
  const first = await drain({ handler: fails, retryDelay: () => 5, maxWaitMs: 0, concurrency: 3 });
  expect(first.acked).toBe(0);
  await server.updateConsumer(stream, "worker", { max_deliver: 1 });
  const second = await drain({ handler: () => {} });
  expect(second).toMatchObject({ outcome: "completed" });
  expect(sum(second)).toBe(second.fetched);
  await server.publish(`${stream}.event`, 2);
  const third = await drain({ handler: () => {} });
  expect(third.acked).toBeGreaterThanOrEqual(2);
});

// nats-io/nats.go #1793: acks to a consumer that is gone succeed, and the message comes again to the next one.
test.each(["server", "leader"] as const)(
  "the consumer is deleted under a work queue's handlers, confirm: %s: they come again, and are not counted",
  async (confirm) => {
    const { server, stream, drain } = await given(0, {}, { retention: "workqueue" });
    await server.publish(`${stream}.event`, 6);
    let deleted: Promise<unknown> | undefined;
    const handler = async (): Promise<void> => {
      deleted ??= server.deleteConsumer(stream, "worker");
      await deleted;
    };
    const report = await drain({ handler, concurrency: 3, confirm });
    expect(report).toMatchObject({ outcome: "fatal", reason: "consumer-deleted", acked: 0 });
    await server.createConsumer(stream, "worker");
    expect(await drain({ handler: () => {} })).toMatchObject({ reason: "empty", acked: 6 });
  },
);

// cloudflare/workers-sdk #2295: batches larger than asked for; timgit/pg-boss #474: a part of a batch that fails.
test("batches of ten, one message in each fails: none is larger, and only those come again", async () => {
  const { drain, left } = await given(45);
  const sizes: number[] = [];
  const batchHandler = (messages: readonly Message[]) => {
    sizes.push(messages.length);
    return messages.map(({ sequence }) => (sequence % 10 === 3 ? ("no" as never) : undefined));
  };
  const report: Report = await drain({ batchHandler, batch: 10, fetches: 10 });
  // What is no settlement is plain data, which settles nothing else: the message is acked.
  expect(report).toMatchObject({ fetched: 45, acked: 45 });
  expect(Math.max(...sizes)).toBe(10);
  expect(await left()).toBe(0);
});

// cloudflare/workers-sdk #6943: very long retry delays end a queue's retries; here they are bounded, and wait.
test.each([1e15, Number.MAX_SAFE_INTEGER])(
  "a retry after %d ms waits, and does not come at once",
  async (delayMs) => {
    const { server, stream, drain } = await given(2);
    const { retry } = await import("../../src/index.ts");
    const report = await drain({ handler: () => retry({ delayMs }), until: "limit" }, 1_200);
    expect(report).toMatchObject({ fetched: 2, retried: 2, unconfirmed: 0 });
    expect(await server.consumerState(stream, "worker")).toMatchObject({ ackPending: 2, delivered: 2 });
  },
);

// nats-io/nats.node #534: a server that goes away during a fetch ends the process with an exception.
test("a stream that goes away at any time leaves no rejection of a promise unhandled", async () => {
  const unhandled: unknown[] = [];
  const onUnhandled = (error: unknown): void => void unhandled.push(error);
  process.on("unhandledRejection", onUnhandled);
  const reports = await Promise.all(
    [0, 5, 10, 20, 40, 80].map(async (ms) => {
      const { server, stream, drain } = await given(10);
      const running = drain({ handler: () => pause(5), until: "limit" }, 1_500);
      await pause(ms);
      await server.deleteStream(stream);
      return await running;
    }),
  );
  await pause(10);
  process.off("unhandledRejection", onUnhandled);
  expect(unhandled).toEqual([]);
  expect(reports.every((report) => sum(report) === report.fetched && report.outcome !== "completed")).toBe(
    true,
  );
  // A pull request to a consumer that is gone meets silence on nats-server 2.9, and no responders later.
  const isTold = reports.every(({ outcome, reason }) => outcome === "fatal" || reason === "heartbeat-lost");
  expect(isTold).toBe(true);
});
