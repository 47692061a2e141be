// What a drain promises, against a real nats-server: one suite, run in every runtime.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type DrainSettings,
  defineDrain,
  type Handler,
  type Message,
  type Report,
  reject,
  retry,
} from "../../src/index.ts";
import { closeExhibit, type LabServer, labServer, openServer } from "../support/lab-client.ts";

const AUTH = { user: "drain", password: "drain-pw" };
const LIMIT_MS = 20_000;

export function drainSuite(runtime: string): void {
  let server: LabServer;
  let made = 0;

  beforeAll(async () => {
    server = await openServer();
  });
  afterAll(() => closeExhibit(server));

  /** A stream of its own for each test, with its consumer and messages. */
  async function given(
    count: number,
    settings: { body?: number | string[]; ackWaitMs?: number; on?: LabServer } = {},
  ) {
    const on = settings.on ?? server;
    made += 1;
    const stream = `S${made}`;
    const consumer = "worker";
    await on.createStream(stream, { storage: "memory" as never }); // the enum's own value, which JSON carries
    await on.createConsumer(stream, consumer, {
      max_ack_pending: 100_000,
      ack_wait: (settings.ackWaitMs ?? 30_000) * 1e6,
    });
    if (count > 0) await on.publish(`${stream}.event`, count, settings.body);
    const run = (
      options: Partial<DrainSettings> & { readonly handler: Handler },
      limitMs = LIMIT_MS,
    ): Promise<Report> =>
      defineDrain({ servers: on.wsUrl, auth: AUTH, stream, consumer, maxWaitMs: 2_000, ...options }).run({
        limitMs,
      });
    return { stream, consumer, run, state: () => on.consumerState(stream, consumer) };
  }

  const total = (report: Report): number =>
    report.acked +
    report.retried +
    report.rejected +
    report.deadLettered +
    report.released +
    report.unconfirmed;

  describe(`a drain in ${runtime}`, () => {
    test("handles what is there in order, acks it, and ends when nothing is left", async () => {
      const { run, state, stream, consumer } = await given(3, { body: ["one", "two", "three"] });
      const seen: string[] = [];
      const report = await run({
        batch: 100,
        maxWaitMs: 8_000,
        handler: (message) => void seen.push(message.text()),
      });
      expect(seen).toEqual(["one", "two", "three"]);
      expect(report).toMatchObject({
        outcome: "completed",
        reason: "empty",
        stream,
        consumer,
        fetched: 3,
        acked: 3,
        unconfirmed: 0,
        pending: 0,
        more: false,
        findings: [],
      });
      expect(await state()).toMatchObject({ pending: 0, ackPending: 0, ackFloor: 3 });
      // Well under max wait, which a client that waits for the whole batch takes.
      expect(report.timings.totalMs).toBeLessThan(4_000);
    });

    test("ends with batch-full and says that there is more", async () => {
      const { run, state } = await given(10);
      const report = await run({ batch: 4, handler: () => {} });
      expect(report).toMatchObject({
        outcome: "completed",
        reason: "batch-full",
        fetched: 4,
        acked: 4,
        pending: 6,
        more: true,
      });
      expect(await state()).toMatchObject({ pending: 6, ackPending: 0 });
    });

    test("goes on with another Fetch while batches come full and fetches allow it", async () => {
      const { run, state } = await given(10);
      const report = await run({ batch: 3, fetches: 10, handler: async () => {} });
      expect(report).toMatchObject({ reason: "empty", fetched: 10, acked: 10, pending: 0, more: false });
      expect(await state()).toMatchObject({ pending: 0, ackPending: 0 });
    });

    test("answers an empty stream within max wait and a little", async () => {
      const { run } = await given(0);
      const report = await run({ maxWaitMs: 600, handler: () => {} });
      expect(report).toMatchObject({
        outcome: "completed",
        reason: "empty",
        fetched: 0,
        pending: 0,
        more: false,
      });
      const { connectMs = 0, totalMs } = report.timings;
      expect(totalMs).toBeGreaterThanOrEqual(590);
      // Sooner than a second wait would end.
      expect(totalMs - connectMs).toBeLessThan(2 * 600);
      expect(report.heartbeats).toBeGreaterThanOrEqual(1);
    });

    test("does not wait at all with a max wait of 0", async () => {
      const { run } = await given(0);
      const empty = await run({ maxWaitMs: 0, handler: () => {} });
      expect(empty).toMatchObject({ outcome: "completed", reason: "empty", fetched: 0 });
      // A heartbeat, or a wait of the least that other clients take, is a second.
      const { connectMs = 0, totalMs } = empty.timings;
      expect(totalMs - connectMs).toBeLessThan(1_000);
    });

    test("waits for a first message that comes during max wait", async () => {
      const { run, stream } = await given(0);
      const running = run({ maxWaitMs: 5_000, handler: () => {} });
      await server.publish(`${stream}.late`, 1);
      expect(await running).toMatchObject({ outcome: "completed", reason: "empty", fetched: 1, acked: 1 });
    });

    test("with fill waits the whole max wait for a full batch, and says max-wait", async () => {
      const { run } = await given(2);
      const report = await run({ fill: true, batch: 5, maxWaitMs: 700, handler: () => {} });
      expect(report).toMatchObject({ outcome: "completed", reason: "max-wait", fetched: 2, acked: 2 });
      expect(report.timings.totalMs).toBeGreaterThanOrEqual(690);
    });

    test("gives the handler what the delivery says", async () => {
      const { run, stream, consumer } = await given(2, { body: ['{"order":7}', "ünïcode"] });
      const seen: Message[] = [];
      await run({ handler: (message) => void seen.push(message) });
      const [first, second] = seen;
      expect(first?.json()).toEqual({ order: 7 });
      expect(first).toMatchObject({
        id: `${stream}:1`,
        subject: `${stream}.event`,
        stream,
        consumer,
        sequence: 1,
        deliveryCount: 1,
        redelivered: false,
        pending: 1,
      });
      expect(second).toMatchObject({ id: `${stream}:2`, pending: 0 });
      expect(second?.text()).toBe("ünïcode");
      expect(Math.abs(Date.now() - Number(first?.timestamp))).toBeLessThan(60_000);
    });

    test("delivers a retried message again, after its delay and not before", async () => {
      const { run, state } = await given(1);
      const deliveries: { at: number; count: number }[] = [];
      const handler = (message: Message) => {
        deliveries.push({ at: Date.now(), count: message.deliveryCount });
        return message.deliveryCount === 1 ? retry({ delayMs: 400 }) : undefined;
      };
      expect(await run({ handler })).toMatchObject({ fetched: 1, acked: 0, retried: 1 });
      expect(await state()).toMatchObject({ ackPending: 1 });
      expect(await run({ handler })).toMatchObject({ fetched: 1, acked: 1, retried: 0 });
      expect(deliveries.map(({ count }) => count)).toEqual([1, 2]);
      expect((deliveries[1]?.at ?? 0) - (deliveries[0]?.at ?? 0)).toBeGreaterThanOrEqual(390);
    });

    test("retries what throws, sync or async, counts it, and tells of it without its text", async () => {
      const { run, state } = await given(3, { body: ["fine", "secret-sync", "secret-async"] });
      const errors: unknown[] = [];
      const report = await run({
        retryDelay: () => 60_000,
        onError: (error) => errors.push(error),
        handler: async (message) => {
          if (message.text() === "secret-sync") throw new TypeError(message.text());
          if (message.text() === "secret-async") await Promise.reject(new RangeError(message.text()));
        },
      });
      expect(report).toMatchObject({
        outcome: "completed",
        reason: "empty",
        fetched: 3,
        acked: 1,
        retried: 2,
      });
      expect(report.findings).toMatchObject([{ code: "handler-failed" }]);
      expect(JSON.stringify(report)).not.toContain("secret");
      expect(errors).toHaveLength(2);
      expect(await state()).toMatchObject({ ackPending: 2 });
    });

    test("terms what is rejected, so that it never comes again", async () => {
      const { run, state } = await given(2);
      const report = await run({
        handler: (message) => (message.sequence === 1 ? reject("not ours") : undefined),
      });
      expect(report).toMatchObject({ fetched: 2, acked: 1, rejected: 1, deadLettered: 0 });
      expect(await state()).toMatchObject({ pending: 0, ackPending: 0, ackFloor: 2 });
    });

    test("releases what no handler had started when the budget ends, and gives up the handler that runs", async () => {
      const { run, state } = await given(5);
      let aborted = false;
      const report = await run(
        {
          maxWaitMs: 300,
          prefetch: 4,
          handler: (_message, { signal }) =>
            new Promise<void>((resolve) => {
              signal.addEventListener("abort", () => {
                aborted = true;
                resolve(); // too late: it was given up by then
              });
            }),
        },
        1_500,
      );
      expect(report).toMatchObject({
        outcome: "completed",
        reason: "deadline",
        fetched: 5,
        acked: 0,
        retried: 1,
        released: 4,
        unconfirmed: 0,
        more: true,
      });
      expect(aborted).toBe(true);
      expect(report.timings.totalMs).toBeLessThan(1_500);
      expect(await state()).toMatchObject({ ackPending: 5 });
      // Long before their ack wait of 30 s.
      expect(await run({ batch: 4, maxWaitMs: 4_000, fill: true, handler: () => {} })).toMatchObject({
        acked: 4,
      });
    });

    test("an abort releases what is held and says so", async () => {
      const { stream, consumer, state } = await given(3);
      const caller = new AbortController();
      const drain = defineDrain({
        servers: server.wsUrl,
        auth: AUTH,
        stream,
        consumer,
        prefetch: 2,
        handler: () => {
          caller.abort();
          return new Promise<void>(() => {});
        },
      });
      const report = await drain.run({ limitMs: LIMIT_MS, signal: caller.signal });
      expect(report).toMatchObject({
        outcome: "retryable",
        reason: "aborted",
        fetched: 3,
        retried: 1,
        released: 2,
      });
      expect(await state()).toMatchObject({ ackPending: 3 });
    });

    test("a signal that is aborted already connects to nothing", async () => {
      const { stream, consumer } = await given(1);
      const drain = defineDrain({ servers: server.wsUrl, auth: AUTH, stream, consumer, handler: () => {} });
      const report = await drain.run({ limitMs: LIMIT_MS, signal: AbortSignal.abort() });
      expect(report).toMatchObject({ outcome: "retryable", reason: "aborted", fetched: 0 });
    });

    test("drains 20,000 messages of 1 KiB in one call, none lost and none handled twice", async () => {
      const count = 20_000;
      const { run, state } = await given(count, { body: 1_024 });
      const seen = new Set<number>();
      let handled = 0;
      const report = await run({
        batch: count,
        handler: async (message) => {
          handled += 1;
          seen.add(message.sequence);
        },
      });
      expect(report).toMatchObject({
        outcome: "completed",
        fetched: count,
        acked: count,
        unconfirmed: 0,
        pending: 0,
      });
      expect([handled, seen.size]).toEqual([count, count]);
      expect(await state()).toMatchObject({
        pending: 0,
        ackPending: 0,
        redelivered: 0,
        delivered: count,
        ackFloor: count,
      });
    });

    test("drains what the server sends in larger WebSocket frames than the runtime takes", async () => {
      // workerd ends a connection that is sent a frame above 32 MiB, the `ws` package by default one above 100 MiB.
      const count = 120;
      const { run, state } = await given(count, { body: 1_000_000 });
      const report = await run({ batch: count, fetches: 20, handler: () => {} });
      expect(report).toMatchObject({
        outcome: "completed",
        fetched: count,
        acked: count,
        more: false,
        pending: 0,
      });
      expect(await state()).toMatchObject({ ackPending: 0, redelivered: 0, ackFloor: count });
    });

    test("runs as many handlers at once as concurrency says, and no more", async () => {
      const { run } = await given(12);
      let running = 0;
      let most = 0;
      const report = await run({
        concurrency: 4,
        handler: async () => {
          running += 1;
          most = Math.max(most, running);
          await new Promise((resolve) => setTimeout(resolve, 20));
          running -= 1;
        },
      });
      expect(report).toMatchObject({ fetched: 12, acked: 12 });
      expect(most).toBe(4);
    });

    test("a handler longer than the ack wait runs once, and so does what queues behind it", async () => {
      const { run, state } = await given(2, { ackWaitMs: 1_000 });
      let handled = 0;
      const report = await run({
        handler: async () => {
          handled += 1;
          await new Promise((resolve) => setTimeout(resolve, 2_500));
        },
      });
      expect(report).toMatchObject({ outcome: "completed", fetched: 2, acked: 2 });
      expect(handled).toBe(2);
      expect(await state()).toMatchObject({ delivered: 2, ackPending: 0 });
    });

    test("never creates, changes or deletes a consumer", async () => {
      const { run, stream, consumer } = await given(3);
      const before = await server.consumerConfig(stream, consumer);
      await run({ handler: () => {} });
      expect(await server.consumerConfig(stream, consumer)).toEqual(before);
      const missing = await run({ consumer: "missing", handler: () => {} });
      expect(missing).toMatchObject({ outcome: "fatal", reason: "consumer-not-found", fetched: 0 });
      expect(await server.consumerCount(stream)).toBe(1);
    });

    test("counts of a report add up to what was fetched, whatever the handlers do", async () => {
      const { run } = await given(40);
      const report = await run({
        concurrency: 3,
        handler: async (message) => {
          switch (message.sequence % 4) {
            case 0:
              return retry({ delayMs: 60_000 });
            case 1:
              return reject("odd");
            case 2:
              throw new Error("boom");
            default:
              return undefined;
          }
        },
      });
      expect(total(report)).toBe(report.fetched);
      expect(report).toMatchObject({ fetched: 40, acked: 10, retried: 20, rejected: 10 });
    });

    test("drains over wss with a certificate that the runtime trusts", async () => {
      const secure = await labServer({ certificate: "good" });
      expect(secure.wsUrl).toMatch(/^wss:/);
      const { run, state } = await given(3, { on: secure });
      expect(await run({ handler: () => {} })).toMatchObject({ outcome: "completed", fetched: 3, acked: 3 });
      expect(await state()).toMatchObject({ pending: 0, ackPending: 0 });
    });
  });
}
