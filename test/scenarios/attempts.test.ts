// What counts as an attempt, after reports on other queues: a message that no handler had costs none, one that failed comes
// again as often as it may and no more, and what came of it is told.
import { expect, test } from "vitest";
import { defineDrain, type Message, type Report, retry } from "../../src/index.ts";
import { pause, scenarioServer, sum, total } from "./bed.ts";

const given = scenarioServer();

// The server has one count per message: what a drain gave back is one delivery nearer to its dead letter.
test.each([
  [2, "is a dead letter"],
  [3, "comes again"],
])(
  "maxDeliveries %d: a message that was released once and then fails once %s",
  async (maxDeliveries, then) => {
    const bed = await given(20);
    const { server, stream } = bed;
    const subject = `dlq.${stream}`;
    await server.createStream(`DEAD-${stream}`, { subjects: [subject] });
    const options = { ...bed.options, stream, consumer: "worker", deadLetter: { subject, maxDeliveries } };
    const abort = new AbortController();
    const handler = async ({ sequence }: Message): Promise<void> => {
      if (sequence < 5) return;
      // Held, and given back: this one, and what the pace had brought behind it.
      await expect
        .poll(async () => (await server.consumerState(stream, "worker")).ackPending, { timeout: 10_000 })
        .toBeGreaterThan(1);
      abort.abort();
      await new Promise<never>(() => {});
    };
    const cut = await defineDrain({ ...options, handler }).run({ limitMs: 15_000, signal: abort.signal });
    expect(cut).toMatchObject({ reason: "aborted", acked: 4, retried: 1, deadLettered: 0 });
    expect(cut.released).toBeGreaterThan(0);
    const fails = {
      ...options,
      retryDelay: () => 60_000,
      handler: () => new Response(null, { status: 503 }),
    };
    const failing = await defineDrain(fails).run({ limitMs: 10_000 });
    const again = cut.released + cut.retried;
    const dead = then === "comes again" ? 0 : again;
    expect(failing).toMatchObject({ fetched: 16, deadLettered: dead, retried: 16 - dead });
    const letters = await server.messages(`DEAD-${stream}`);
    expect(letters.map(({ headers }) => headers["Sluice-Reason"])).toEqual(
      Array(dead).fill("failed at delivery 2"),
    );
  },
);
const fails = (): Promise<never> => Promise.reject(new Error("no"));

// DataBiosphere/azul #3708, spring-attic/spring-cloud-aws #516: throttled messages reach the dead letters unprocessed.
test("five drains at once over what one could handle: nothing is dead-lettered that no handler had", async () => {
  const { server, stream, drain, left } = await given(60, { max_deliver: 2 });
  await server.createStream(`DEAD-${stream}`, { subjects: [`dlq.${stream}`] });
  const handled = new Set<number>();
  const handler = async ({ sequence }: Message): Promise<void> => {
    await pause(60);
    handled.add(sequence);
  };
  const options = { handler, deadLetter: { subject: `dlq.${stream}` } };
  const reports: Report[] = [];
  for (let round = 0; round < 10 && (await left()) > 0; round += 1)
    reports.push(...(await Promise.all(Array.from({ length: 5 }, () => drain(options, 1_500)))));
  expect([handled.size, total(reports, "deadLettered"), total(reports, "exhausted")]).toEqual([60, 0, 0]);
});

// timgit/pg-boss #759: jobs given back because a limit was reached use up a retry, and fail sooner than they should.
test("messages held up by others of their key have as many attempts as those that were not", async () => {
  const { drain, left } = await given(12, { max_deliver: 4 });
  const attempts = new Map<number, number>();
  const handler = async ({ sequence }: Message): Promise<never> => {
    attempts.set(sequence, (attempts.get(sequence) ?? 0) + 1);
    await pause(10);
    throw new Error("no");
  };
  const options = { handler, orderBy: () => "key", concurrency: 4, retryDelay: () => 5 };
  const reports: Report[] = [];
  for (let round = 0; round < 30 && (await left()) > 0; round += 1) reports.push(await drain(options));
  expect(total(reports, "exhausted")).toBe(12);
  // The order costs some of them a delivery or two; each is tried, and none is tried more often than it may be.
  expect(attempts.size).toBe(12);
  expect(Math.max(...attempts.values())).toBeLessThanOrEqual(4);
});

// taskforcesh/bullmq #1571: a job that asks for a delay itself is attempted more often than `attempts`.
test.each([false, true])(
  "retry() asked for each time: no more than max deliver (dead letter: %s)",
  async (isDead) => {
    const { server, stream, drain, left } = await given(3, { max_deliver: 3 });
    if (isDead) await server.createStream(`DEAD-${stream}`, { subjects: [`dlq.${stream}`] });
    let calls = 0;
    const handler = () => {
      calls += 1;
      return retry({ delayMs: 5 });
    };
    const deadLetter = isDead ? { subject: `dlq.${stream}` } : undefined;
    const reports: Report[] = [];
    for (let round = 0; round < 9 && (await left()) > 0; round += 1)
      reports.push(await drain({ handler, deadLetter }));
    expect([calls, total(reports, "deadLettered"), total(reports, "exhausted")]).toEqual([
      9,
      isDead ? 3 : 0,
      isDead ? 0 : 3,
    ]);
    expect(await drain({ handler, deadLetter })).toMatchObject({ reason: "empty", fetched: 0, more: false });
  },
);

// nats-io/nats-server #4956 and #6538: what used up max deliver stays where it is, whatever the retention.
test.each(["limits", "workqueue", "interest"])(
  "out of deliveries under retention %s: the message stays, and is counted",
  async (retention) => {
    const { server, stream, drain } = await given(0, { max_deliver: 1 }, { retention });
    await server.publish(`${stream}.event`, 2);
    const report = await drain({ handler: ({ sequence }) => (sequence === 1 ? fails() : undefined) });
    expect(report).toMatchObject({ fetched: 2, acked: 1, exhausted: 1, retried: 0 });
    expect((await server.streamState(stream)).messages).toBe(retention === "limits" ? 2 : 1);
    expect(await drain({ handler: () => {} })).toMatchObject({ reason: "empty", fetched: 0 });
  },
);

// ideaconnect/symfony-nats-messenger #21, nats-io/nats-server #4726: a nak without a delay loops as fast as it can.
test("a handler that always fails is called a handful of times in a drain until the limit, also under backoff", async () => {
  for (const consumer of [{}, { backoff: [30_000e6, 60_000e6], max_deliver: 5 }]) {
    const { drain } = await given(1, consumer);
    let calls = 0;
    const report = await drain(
      {
        handler: () => {
          calls += 1;
          return fails();
        },
        until: "limit",
      },
      2_000,
    );
    expect(report).toMatchObject({ outcome: "completed", acked: 0 });
    expect(calls).toBeLessThanOrEqual(3);
    expect(report.retried).toBe(calls);
  }
});

// ag2ai/faststream #1233: a message that was nak'ed with a delay is not handled by the worker that starts after it.
test("a retry that comes due between two drains is the next one's, under retention interest too", async () => {
  const { server, stream, drain } = await given(0, {}, { retention: "interest" });
  await server.publish(`${stream}.event`, 1);
  const counts: number[] = [];
  const handler = ({ deliveryCount }: Message) => {
    counts.push(deliveryCount);
    return deliveryCount < 3 ? retry({ delayMs: 40 }) : undefined;
  };
  const reports: Report[] = [];
  for (let run = 0; run < 6 && counts.length < 3; run += 1) {
    reports.push(await drain({ handler, maxWaitMs: 0 }));
    await pause(120);
  }
  expect(counts).toEqual([1, 2, 3]);
  expect([total(reports, "retried"), total(reports, "acked")]).toEqual([2, 1]);
});

// graphile/worker #254: a queue stays locked for ever when its job reaches its last attempt.
test("a message of a key that used up its deliveries holds up the others of the key no longer", async () => {
  const { drain, left } = await given(8, { max_deliver: 2 });
  const order: number[] = [];
  const handler = ({ sequence }: Message) => (sequence === 1 ? fails() : void order.push(sequence));
  const options = { handler, orderBy: () => "key", concurrency: 3, retryDelay: () => 5 } as const;
  const reports: Report[] = [];
  for (let run = 0; run < 12 && (await left()) > 0; run += 1) reports.push(await drain(options));
  expect([order.toSorted((a, b) => a - b), total(reports, "exhausted")]).toEqual([[2, 3, 4, 5, 6, 7, 8], 1]);
});

// celery/kombu #1125: when as many tasks have failed as there are workers, nothing more is consumed.
test("failed messages take no handler's place: the others are handled", async () => {
  const { drain } = await given(20);
  const handler = ({ sequence }: Message) => (sequence <= 8 ? fails() : undefined);
  const report = await drain({ handler, concurrency: 4, retryDelay: () => 60_000 });
  expect(report).toMatchObject({ reason: "empty", fetched: 20, acked: 12, retried: 8 });
});

// Bogdanp/dramatiq_sqs #59: messages that were fetched ahead expire while they wait for their turn.
test("messages fetched ahead of an ack wait much shorter than their wait are delivered once", async () => {
  const { server, stream, drain } = await given(8, { ack_wait: 400e6 });
  const counts: number[] = [];
  const handler = async ({ deliveryCount }: Message): Promise<void> => {
    counts.push(deliveryCount);
    await pause(150);
  };
  const report = await drain({ handler, prefetch: 8 });
  expect(report).toMatchObject({ fetched: 8, acked: 8 });
  expect(counts).toEqual(Array.from({ length: 8 }, () => 1));
  expect((await server.consumerState(stream, "worker")).delivered).toBe(8);
});

// OptimalBits/bull #308, taskforcesh/bullmq #3183: the event loop is blocked, the lock is not renewed, and the job runs twice.
test("a handler that blocks the event loop beyond the ack wait: each delivery is accounted for, and the work is acked", async () => {
  const { server, stream, drain, left } = await given(3, { ack_wait: 200e6 });
  const handler = (): void => {
    const end = performance.now() + 500;
    while (performance.now() < end);
  };
  const reports: Report[] = [];
  for (let run = 0; run < 5 && (await left()) > 0; run += 1) reports.push(await drain({ handler }, 6_000));
  expect(reports.every((report) => sum(report) === report.fetched)).toBe(true);
  expect(total(reports, "acked")).toBeGreaterThanOrEqual(3);
  expect(await server.consumerState(stream, "worker")).toMatchObject({ pending: 0, ackPending: 0 });
});
