// The truth about deliveries, on a real server in every runtime: what is counted is what the consumer's leader has, the last
// delivery is never given away, and a drain that cannot go on stops in time.
import { describe, expect, test } from "vitest";
import { type DrainOptions, defineDrain, type Message, type Report, reject, retry } from "../../src/index.ts";
import { type LabServer, labProxy, labScripted, labServer } from "../support/lab-client.ts";

const BASE = {
  auth: { user: "drain", password: "drain-pw" },
  stream: "ORDERS",
  consumer: "worker",
  maxWaitMs: 500,
};
const RETENTION = { work: { retention: "workqueue" as never }, limits: {} };

async function given(
  count: number,
  consumer: Record<string, unknown> = {},
  retention: keyof typeof RETENTION = "limits",
) {
  const server = await labServer();
  await server.createStream("ORDERS", RETENTION[retention]);
  await server.createConsumer("ORDERS", "worker", { ack_wait: 20_000 * 1e6, ...consumer });
  await server.createStream("DEAD", { subjects: ["dlq.>"] });
  if (count > 0) await server.publish("ORDERS.new", count);
  return server;
}

const drain = (server: LabServer, options: Partial<DrainOptions>, limitMs = 8_000): Promise<Report> =>
  defineDrain({ ...BASE, servers: server.wsUrl, ...options } as DrainOptions).run({ limitMs });
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const fails = (): Promise<never> => Promise.reject(new Error("always"));
const codes = ({ findings }: Report): string[] => findings.map(({ code }) => code);

export function truthSuite(runtime: string): void {
  describe(`the truth about deliveries, in ${runtime}`, () => {
    lastDeliveries();
    confirmation();
    time();
    failingTargets();
  });
}

function lastDeliveries(): void {
  // As nats-server 2.9 does, which answers no pull request of a stream that is gone.
  test("a stream that is deleted when all is acked, and before the next pull: it is named, and not the silence", async () => {
    const server = await labScripted({
      pulls: [
        [
          { deliver: "one", pending: 5 },
          { deliver: "two", pending: 4 },
        ],
        [],
      ],
      laterConsumerInfo: {
        pulls: 2,
        answer: { json: { error: { code: 404, err_code: 10059, description: "stream not found" } } },
      },
    });
    const own = { servers: server.wsUrl, concurrency: 1, prefetch: 1, confirm: "leader" } as const;
    const report = await defineDrain({ ...BASE, ...own, handler: () => {} }).run({ limitMs: 6_000 });
    expect(report).toMatchObject({ reason: "consumer-deleted", fetched: 2, acked: 2, unconfirmed: 0 });
  });

  // redpanda-data/connect #1772: a neighbour that subscribes to everything answers every message with an ack.
  test("an answer to an ack is not the leader's, where the consumer is gone", async () => {
    const server = await labScripted({
      pulls: [[{ deliver: "one", pending: 1 }, { deliver: "two" }]],
      laterConsumerInfo: {
        pulls: 1,
        answer: { json: { error: { code: 404, err_code: 10014, description: "consumer not found" } } },
      },
    });
    const options = { ...BASE, servers: server.wsUrl, batch: 2, handler: () => {} };
    const report = await defineDrain(options).run({ limitMs: 6_000 });
    expect(report).toMatchObject({ reason: "consumer-deleted", fetched: 2, acked: 0, unconfirmed: 2 });
  });

  test("a pull request that ended for its time says nothing of what is left", async () => {
    // A busy server makes the deliveries of a large pull request for longer than it waits.
    const server = await labScripted({
      pulls: [
        [{ deliver: "1", pending: 3 }, { untilAcks: 1 }, { status: 408, description: "Request Timeout" }],
        [{ deliver: "2", pending: 2 }, { untilAcks: 2 }, { status: 408, description: "Request Timeout" }],
        [{ deliver: "3", pending: 1 }, { untilAcks: 3 }, { status: 408, description: "Request Timeout" }],
        [{ deliver: "4", pending: 0 }, { untilAcks: 4 }, { status: 408, description: "Request Timeout" }],
      ],
    });
    const report = await defineDrain({
      ...BASE,
      servers: server.wsUrl,
      maxWaitMs: 5_000, // so rare heartbeats that the script needs none
      handler: () => {},
    }).run({
      limitMs: 8_000,
    });
    expect(report).toMatchObject({ reason: "empty", fetched: 4, acked: 4, pending: 0, more: false });
  });

  test("what used up max deliver without a dead letter is counted as exhausted, and named", async () => {
    const server = await given(2, { max_deliver: 2 });
    const options = { handler: fails, retryDelay: () => 10 };
    const first = await drain(server, options);
    const second = first.fetched === 4 ? first : await drain(server, options);
    const exhausted = first === second ? first.exhausted : first.exhausted + second.exhausted;
    expect(exhausted).toBe(2);
    expect(second.findings.find(({ code }) => code === "deliveries-exhausted")?.message).toContain(
      "ORDERS:2",
    );
    expect(await server.consumerState("ORDERS", "worker")).toMatchObject({ pending: 0 });
    expect((await server.streamState("ORDERS")).messages).toBe(2);
  });

  test("maxDeliveries above max deliver dead-letters at the last delivery", async () => {
    const server = await given(1, { max_deliver: 3 });
    const options = {
      handler: fails,
      retryDelay: () => 10,
      deadLetter: { subject: "dlq.x", maxDeliveries: 5 },
    };
    const reports: Report[] = [];
    for (let run = 0; run < 4; run += 1) reports.push(await drain(server, options));
    expect(reports.reduce((sum, { deadLettered }) => sum + deadLettered, 0)).toBe(1);
    expect(reports.reduce((sum, { exhausted }) => sum + exhausted, 0)).toBe(0);
    expect((await server.messages("DEAD"))[0]?.headers["Sluice-Deliveries"]).toBe("3");
  });

  test("a dead letter that cannot be published at the last delivery arrives when its stream is back", async () => {
    const server = await given(1, { max_deliver: 1 }, "work");
    let calls = 0;
    const handler = async (): Promise<never> => {
      calls += 1;
      await server.deleteStream("DEAD");
      return await fails();
    };
    const options = {
      handler,
      deadLetter: { subject: "dlq.x" },
      auth: { user: "admin", password: "admin-pw" },
    };
    const away = await drain(server, options, 2_000);
    expect(away).toMatchObject({ retried: 1, exhausted: 0, deadLettered: 0 });
    expect(codes(away)).toContain("dead-letter-copied");
    await server.createStream("DEAD", { subjects: ["dlq.>"] });
    expect(await drain(server, options)).toMatchObject({ fetched: 1, deadLettered: 1 });
    expect(await server.messages("DEAD")).toMatchObject([{ data: "message 1" }]);
    expect((await server.streamState("ORDERS")).messages).toBe(0);
    expect(calls).toBe(1);
  });

  test("a last delivery that no handler could start is a dead letter, and not given away", async () => {
    const server = await given(3, { max_deliver: 1 });
    const handler = ({ sequence }: Message): Promise<void> => pause(sequence === 1 ? 60_000 : 0);
    const report = await drain(
      server,
      { handler, batch: 3, prefetch: 2, deadLetter: { subject: "dlq.x" } },
      // A dead letter has three eighths of the settle slice, and is the first that its stream writes.
      3_000,
    );
    expect(report).toMatchObject({ exhausted: 0, released: 0 });
    const left = (await server.consumerState("ORDERS", "worker")).pending;
    expect(report.deadLettered + left).toBe(3);
  });

  test("a dead letter that comes back to its consumer does not breed", async () => {
    const server = await labServer();
    await server.createStream("ORDERS", { subjects: ["ORDERS.>", "dlq.>"] });
    await server.createConsumer("ORDERS", "worker", { ack_wait: 20_000 * 1e6 });
    await server.publish("ORDERS.new", 1);
    const options = { handler: () => reject("no good"), deadLetter: { subject: "dlq.x" } };
    const reports: Report[] = [];
    for (let run = 0; run < 4; run += 1) reports.push(await drain(server, options));
    expect((await server.streamState("ORDERS")).messages).toBe(2);
    expect(reports.flatMap(codes)).toContain("dead-letter-loop");
  });
}

function confirmation(): void {
  test("acks to a consumer that was deleted meanwhile are not counted", async () => {
    const server = await given(10, {}, "work");
    let done = 0;
    const handler = async (): Promise<void> => {
      done += 1;
      if (done === 2) await server.deleteConsumer("ORDERS", "worker");
    };
    const report = await drain(server, { handler, prefetch: 20 });
    expect(report).toMatchObject({ outcome: "fatal", reason: "consumer-deleted" });
    const { messages } = await server.streamState("ORDERS");
    expect(report.acked).toBeLessThanOrEqual(10 - messages);
    expect(report.acked + report.unconfirmed).toBe(report.fetched);
  });

  test.for(["work", "limits"] as const)(
    "acks to a consumer that was made anew meanwhile are not counted (%s)",
    async (retention) => {
      const server = await given(10, {}, retention);
      let done = 0;
      const handler = async (): Promise<void> => {
        done += 1;
        if (done !== 2) return;
        await server.deleteConsumer("ORDERS", "worker");
        await server.createConsumer("ORDERS", "worker", { ack_wait: 20_000 * 1e6 });
      };
      const report = await drain(server, { handler, prefetch: 20 });
      expect(report).toMatchObject({ outcome: "fatal", reason: "consumer-deleted", fetched: 10, acked: 0 });
      expect(report.unconfirmed).toBe(10);
    },
  );

  test("nor are acks that another consumer of the same name answers, because it delivered the messages too", async () => {
    const server = await given(10, {}, "work");
    const held = Promise.withResolvers<void>();
    let done = 0;
    let other: Promise<Report> | undefined;
    const handler = async (): Promise<void> => {
      done += 1;
      if (done === 4) {
        await server.deleteConsumer("ORDERS", "worker");
        await server.createConsumer("ORDERS", "worker", { ack_wait: 20_000 * 1e6 });
      }
      if (done !== 8) return;
      other = drain(server, { concurrency: 20, handler: () => held.promise });
      await expect
        .poll(async () => (await server.consumerState("ORDERS", "worker")).ackPending)
        .toBeGreaterThan(2);
    };
    const report = await drain(server, { handler, prefetch: 20 });
    held.resolve();
    await other;
    expect(report).toMatchObject({ outcome: "fatal", reason: "consumer-deleted", acked: 0 });
  });

  test.for(["none", "all"])(
    "a consumer with the ack policy %s is refused, and nothing is handled",
    async (policy) => {
      const server = await given(3, { ack_policy: policy });
      let handled = 0;
      const handler = (): void => {
        handled += 1;
      };
      const report = await drain(server, { handler });
      expect(report).toMatchObject({ outcome: "fatal", reason: "unsupported-consumer", fetched: 0 });
      expect(handled).toBe(0);
    },
  );

  test("max_ack_pending 1 with 40 pending: the drain goes on until nothing is left", async () => {
    const server = await given(40, { max_ack_pending: 1 });
    const report = await drain(server, { handler: async () => {} });
    expect(report).toMatchObject({ reason: "empty", fetched: 40, acked: 40, pending: 0, more: false });
  });

  test("empty is not said while messages are left that another drain holds up", async () => {
    const server = await given(40, { max_ack_pending: 1 });
    const held = Promise.withResolvers<void>();
    const holding = drain(server, { batch: 1, handler: () => held.promise });
    await expect.poll(async () => (await server.consumerState("ORDERS", "worker")).ackPending).toBe(1);
    const report = await drain(server, { handler: () => {} });
    expect(report).toMatchObject({ outcome: "retryable", reason: "limit-exceeded", pending: 39, more: true });
    held.resolve();
    expect(await holding).toMatchObject({ acked: 1 });
  });

  test("max_ack_pending 1: with the last message another drain leaves nothing to wait for", async () => {
    const server = await given(1, { max_ack_pending: 1 });
    const held = Promise.withResolvers<void>();
    const holding = drain(server, { handler: () => held.promise });
    await expect.poll(async () => (await server.consumerState("ORDERS", "worker")).ackPending).toBe(1);
    const report = await drain(server, { handler: () => {} });
    held.resolve();
    expect(await holding).toMatchObject({ acked: 1 });
    expect(report).toMatchObject({
      outcome: "completed",
      reason: "empty",
      fetched: 0,
      pending: 0,
      more: false,
    });
  });

  test("several drains at max_ack_pending 1 handle each message once, and name the limit only where it holds some back", async () => {
    const server = await given(20, { max_ack_pending: 1 });
    const seen: number[] = [];
    const handler = async ({ sequence }: Message): Promise<void> => {
      seen.push(sequence);
      await pause(20);
    };
    // Of a server that stands still for two heartbeats a drain says that it is lost, and is right.
    const own = { handler, maxWaitMs: 6_000 };
    const reports = await Promise.all([1, 2, 3].map(() => drain(server, own, 30_000)));
    expect(seen).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
    for (const { reason, pending = 0 } of reports)
      expect(reason).toBe(pending > 0 ? "limit-exceeded" : "empty");
    expect(reports.map(({ reason }) => reason)).toContain("empty");
  });
}

function time(): void {
  test("the connection is gone at the 3rd of 20: no other handler starts, and the report comes when that one ends", async () => {
    const server = await given(20);
    const proxy = await labProxy(server);
    let started = 0;
    const handler = async (): Promise<void> => {
      started += 1;
      if (started === 3) await proxy.cut();
      await pause(50);
    };
    const report = await drain(server, { servers: proxy.url, prefetch: 20, handler });
    expect(report).toMatchObject({ outcome: "retryable", reason: "connection-lost" });
    expect(started).toBeLessThanOrEqual(4);
    expect(report.timings.totalMs).toBeLessThan(3_000);
  });

  test.for([false, true])(
    "handlers that never let go of the CPU end within the limit and one of them (async: %s)",
    async (isAsync) => {
      const server = await given(60);
      const busy = (): void => {
        const end = Date.now() + 100;
        while (Date.now() < end);
      };
      const handler = isAsync ? async (): Promise<void> => busy() : busy;
      const startedAt = Date.now();
      const report = await drain(server, { handler, prefetch: 60 }, 2_000);
      expect(Date.now() - startedAt).toBeLessThan(2_000 + 400);
      expect(report).toMatchObject({ reason: "deadline", unconfirmed: 0, retried: 0 });
      expect(report.acked).toBeGreaterThan(5);
      expect(report.acked + report.released).toBe(report.fetched);
    },
  );

  test("what a cut released comes again in the stream's order at concurrency 1", async () => {
    const server = await given(30);
    const seen: number[] = [];
    const handler = async ({ sequence }: Message): Promise<void> => {
      await pause(60);
      seen.push(sequence);
    };
    for (let run = 0; run < 12 && seen.length < 30; run += 1)
      await drain(server, { handler, prefetch: 30 }, 900);
    const done = [...new Set(seen)];
    expect(done).toEqual(done.toSorted((a, b) => a - b));
    expect(done).toHaveLength(30);
  });
}

function failingTargets(): void {
  test("after so many failures in a row the drain stops, and asks for the longest wait that the target did", async () => {
    const server = await given(50);
    let calls = 0;
    const handler = (): Response => {
      calls += 1;
      return new Response("busy", { status: 503, headers: { "Retry-After": String(calls) } });
    };
    const report = await drain(server, { handler, stopAfterFailures: 5 });
    expect(report).toMatchObject({
      outcome: "retryable",
      reason: "handlers-failing",
      retryAfterMs: 5_000,
      retried: 5,
      acked: 0,
    });
    expect(calls).toBe(5);
  });

  test("a success in between starts the count anew", async () => {
    const server = await given(20);
    const handler = ({ sequence }: Message) => (sequence % 5 === 0 ? undefined : fails());
    const report = await drain(server, { handler, stopAfterFailures: 5, retryDelay: () => 60_000 });
    expect(report).toMatchObject({ reason: "empty", acked: 4, retried: 16 });
  });

  test("a Response settles by its status, and plain data settles nothing", async () => {
    const server = await given(5);
    const answers = [200, 404, 500, 302];
    const handler = ({ sequence }: Message) => {
      const status = answers[sequence - 1];
      // As a body would be, that says how to settle itself.
      if (status === undefined) return JSON.parse('{"kind":"retry","delayMs":60000}') as undefined;
      return new Response(null, { status, headers: { "Retry-After": "60" } });
    };
    const report = await drain(server, { handler, retryDelay: () => 60_000 });
    expect(report).toMatchObject({ fetched: 5, acked: 2, rejected: 1, retried: 2 });
  });

  test("a target that is away for three drains loses nothing that it can still get", async () => {
    const server = await given(100, { max_deliver: 3 });
    let away = true;
    const arrived = new Set<number>();
    const handler = ({ sequence }: Message) => {
      if (away) return new Response(null, { status: 503 });
      arrived.add(sequence);
      return undefined;
    };
    const options = { handler, stopAfterFailures: 5, retryDelay: () => 20 };
    const reports: Report[] = [];
    for (let run = 0; run < 3; run += 1) reports.push(await drain(server, options));
    away = false;
    for (let run = 0; run < 4; run += 1) reports.push(await drain(server, options));
    const exhausted = reports.reduce((sum, report) => sum + report.exhausted, 0);
    expect(arrived.size).toBeGreaterThanOrEqual(90);
    expect(arrived.size + exhausted).toBe(100);
  });

  test("retry() and a retry by throw are told apart from failures", async () => {
    const server = await given(8);
    const report = await drain(server, { handler: () => retry({ delayMs: 60_000 }), stopAfterFailures: 3 });
    expect(report).toMatchObject({ reason: "empty", retried: 8 });
  });
}
