// An existing Queues consumer does to the messages of a drain what it does to those of a queue: the same functions, run by
// workerd and miniflare's queues and by a drain against a real nats-server, side by side.
import { fileURLToPath } from "node:url";
import type { ExecutionContext, ExportedHandlerQueueHandler, MessageBatch } from "@cloudflare/workers-types";
import { afterAll, beforeAll, describe, expect, expectTypeOf, test, vi } from "vitest";
import {
  unstable_defaultWranglerConfig as defaultConfig,
  unstable_startWorker as startWorker,
} from "wrangler";
import { z } from "zod";
import {
  type QueueBatch,
  type QueueConsumer,
  type QueueContext,
  queueHandler,
} from "../src/handle/queue-handler.ts";
import {
  type BatchHandler,
  type DrainSettings,
  defineDrain,
  type Report,
  type Settlement,
} from "../src/index.ts";
import { causeOf } from "../src/settle/settlement.ts";
import { startTestServer, type TestServer } from "./support/nats.ts";
import { type Fate, QUEUE_CASES, type QueueCase } from "./support/queue-cases.ts";
import type { QueueLog, QueueResult, Redelivery } from "./support/queue-worker.ts";

const BODIES = [1, 2, 3];
const NAMES = Object.keys(QUEUE_CASES);

let worker: Awaited<ReturnType<typeof startWorker>>;
let server: TestServer;

beforeAll(async () => {
  // The queue's own log lines, one per batch, do not heed dev.logLevel.
  vi.stubEnv("WRANGLER_LOG", "none");
  const producers = NAMES.map((queue) => ({ binding: queue, queue }));
  const consumers = NAMES.map((queue) => ({ queue, max_batch_size: 10, max_batch_timeout: 0 }));
  worker = await startWorker({
    name: "queues",
    entrypoint: fileURLToPath(new URL("support/queue-worker.ts", import.meta.url)),
    compatibilityDate: "2026-11-01",
    // Lets a service binding call the queue handler, and hear what workerd tells a queue.
    compatibilityFlags: ["service_binding_extra_handlers"],
    bindings: { SELF: { type: "service", service: "queues" } },
    // An object of wrangler's own: it takes no queue consumers otherwise.
    config: { ...defaultConfig, queues: { producers, consumers } },
    dev: {
      server: { hostname: "127.0.0.1", port: 0 },
      inspector: false,
      persist: false,
      watch: false,
      logLevel: "none",
    },
  });
  [server] = await Promise.all([startTestServer(), worker.ready]);
});
afterAll(async () => {
  await server.stop();
  await worker.dispose();
  vi.unstubAllEnvs();
});

/** Asks the fixture Worker. The caller knows what it answers. */
async function ask<T>(path: string): Promise<T> {
  const response = await fetch(new URL(path, await worker.url));
  return (await response.json()) as T;
}

/** What a queue does with each message of such a result, by the precedence that Cloudflare documents. */
function fatesOf({ outcome, ackAll, explicitAcks, retryBatch, retryMessages }: QueueResult): Fate[] {
  return BODIES.map((body) => {
    if (explicitAcks.includes(`${body}`)) return "ack";
    const own = retryMessages.find(({ msgId }) => msgId === `${body}`);
    if (own || (retryBatch.retry && !ackAll)) return own?.delaySeconds ?? retryBatch.delaySeconds ?? "retry";
    return ackAll || outcome === "ok" ? "ack" : "retry";
  });
}

/** What must be delivered again, and after how long at least. */
function redeliveries(fates: readonly Fate[]): Redelivery[] {
  return BODIES.flatMap((body, at) => {
    const fate = fates[at] ?? "ack";
    return fate === "ack" ? [] : [{ body, afterMs: fate === "retry" ? 0 : fate * 1_000 }];
  });
}

function expectRedeliveries(actual: readonly Redelivery[], expected: readonly Redelivery[]): void {
  const sorted = actual.toSorted((one, other) => one.body - other.body);
  expect(sorted.map(({ body }) => body)).toEqual(expected.map(({ body }) => body));
  for (const [at, { afterMs }] of expected.entries())
    expect(sorted[at]?.afterMs).toBeGreaterThanOrEqual(afterMs);
}

/** What a queue delivers again, of which so many come late; a sentinel sent after the batch is not before the others. */
async function redeliveredByQueue(name: string, late: number): Promise<readonly Redelivery[]> {
  const log = (): Promise<QueueLog> => ask<QueueLog>(`/${name}`);
  const seen = (look: (log: QueueLog) => boolean): Promise<void> =>
    expect.poll(async () => look(await log()), { timeout: 5_000, interval: 10 }).toBe(true);
  await ask(`/${name}/send`);
  await seen(({ handledAt }) => handledAt !== undefined);
  await ask(`/${name}/sentinel`);
  await seen(({ sentinel }) => sentinel);
  const { length: early } = (await log()).redelivered;
  await seen(({ redelivered }) => redelivered.length >= early + late);
  return (await log()).redelivered;
}

const SETTINGS = {
  auth: { user: "drain", password: "drain-pw" },
  consumer: "worker",
  codec: "json",
  maxWaitMs: 400,
  retryDelay: () => 1,
} as const;

async function given(stream: string, bodies: readonly string[] = BODIES.map(String)): Promise<void> {
  await server.createStream(stream);
  await server.createConsumer(stream, "worker", { ack_wait: 30_000 * 1e6 });
  await server.publish(`${stream}.new`, bodies.length, bodies);
}

/** A drain, and what its handler made of its one batch. */
interface Drained {
  readonly report: Report;
  readonly settlements: readonly (Settlement | undefined)[];
}

async function drain<Body>(
  stream: string,
  handler: BatchHandler<unknown, Body>,
  settings: Partial<Omit<DrainSettings, "codec" | "schema">> = {},
): Promise<Drained> {
  let settlements: Drained["settlements"] = [];
  const report = await defineDrain({
    ...SETTINGS,
    ...settings,
    servers: server.wsUrl,
    stream,
    batchHandler: async (messages: Parameters<typeof handler>[0], context: Parameters<typeof handler>[1]) => {
      settlements = (await handler(messages, context)) ?? [];
      return settlements;
    },
  }).run({ limitMs: 10_000 });
  return { report, settlements };
}

/** What a consumer delivers again, which must be so many, since `handledAt`. */
async function redeliveredByDrain(stream: string, count: number, handledAt: number): Promise<Redelivery[]> {
  const redelivered: Redelivery[] = [];
  await defineDrain({
    ...SETTINGS,
    servers: server.wsUrl,
    stream,
    batch: count,
    fill: true,
    maxWaitMs: 3_000,
    handler: ({ value, deliveryCount }) => {
      expect(deliveryCount).toBe(2);
      redelivered.push({ body: Number(value), afterMs: Date.now() - handledAt });
    },
  }).run({ limitMs: 10_000 });
  return redelivered;
}

function fateOf(settlement: Settlement | undefined): Fate {
  if (settlement?.kind !== "retry") return "ack";
  return settlement.delayMs === undefined ? "retry" : settlement.delayMs / 1_000;
}

describe.each(Object.entries(QUEUE_CASES))(
  "a consumer that %s",
  (name, { consumer, fates, fails, brokerRetries }: QueueCase) => {
    const expected = redeliveries(fates);

    test("is understood by workerd as the table says", async () => {
      const result = await ask<QueueResult>(`/${name}/ask`);
      expect(fatesOf(result)).toEqual(fates);
      expect(result.outcome).toBe(fails ? "exception" : "ok");
    });

    test("gets the same messages again from a queue and from a drain", async () => {
      const byBroker = brokerRetries?.map((body) => ({ body, afterMs: 0 })) ?? expected;
      const late = byBroker.filter(({ afterMs }) => afterMs > 0).length;
      expectRedeliveries(await redeliveredByQueue(name, late), byBroker);

      await given(name);
      const handledAt = Date.now();
      const { report, settlements } = await drain(name, queueHandler(consumer));
      expect(settlements.map(fateOf)).toEqual(fates);
      expect(report).toMatchObject({
        fetched: 3,
        acked: 3 - expected.length,
        retried: expected.length,
        unconfirmed: 0,
      });
      if (expected.length > 0)
        expectRedeliveries(await redeliveredByDrain(name, expected.length, handledAt), expected);
      const state = { pending: 0, ackPending: 0, ackFloor: 3, delivered: 3 + expected.length };
      expect(await server.consumerState(name, "worker")).toMatchObject(state);
    });
  },
);

describe("a consumer in a drain", () => {
  test("sees a batch as a queue would give it, and its environment", async () => {
    await given("properties", ['{"total":1}', '{"total":2}', '{"total":3}']);
    const seen: { batch?: QueueBatch; env?: unknown } = {};
    const handler = queueHandler((batch, env) => {
      Object.assign(seen, { batch, env });
    });
    await drain("properties", handler, { batch: 2 });
    expect(seen.env).toBeUndefined();
    expect(seen.batch).toMatchObject({
      queue: "properties",
      messages: [
        { id: "properties:1", body: { total: 1 }, attempts: 1, timestamp: expect.any(Date) },
        { id: "properties:2", body: { total: 2 }, attempts: 1, timestamp: expect.any(Date) },
      ],
      metadata: { metrics: { backlogCount: 1, backlogBytes: 0 } },
    });
  });

  test("is told the name of the queue that it was written for", async () => {
    await given("named");
    const names: string[] = [];
    const handler = queueHandler((batch) => void names.push(batch.queue), { queue: "orders-queue" });
    await drain("named", handler);
    expect(names).toEqual(["orders-queue"]);
  });

  test("keeps what it has acked when its time is up, and gets the rest again", async () => {
    await given("overdue");
    const { promise: never } = Promise.withResolvers<void>();
    const handler = queueHandler(({ messages }) => {
      messages[0]?.ack();
      return never;
    });
    const { report, settlements } = await drain("overdue", handler, { handlerTimeoutMs: 200 });
    expect(report).toMatchObject({ fetched: 3, acked: 1, retried: 2 });
    expect(settlements[1] && causeOf(settlements[1])?.error).toMatchObject({ name: "TimeoutError" });
  });

  test.each([
    ["acks-some-then-throws", [undefined, undefined, "thrown"]],
    ["acks-each-then-throws", ["thrown", undefined, undefined]],
    ["waits-until-a-rejection", [undefined, "thrown", "thrown"]],
  ])(
    "that %s has its error told once per message that fails for it, and once at least",
    async (name, messages) => {
      await given(`${name}-told`);
      const { settlements } = await drain(
        `${name}-told`,
        queueHandler(QUEUE_CASES[name]?.consumer ?? (() => {})),
      );
      const causes = settlements.map((settlement) => settlement && causeOf(settlement)?.error);
      expect(causes.map((cause) => (cause instanceof Error ? cause.message : undefined))).toEqual(messages);
    },
  );

  test("is refused when it is none", () => {
    const refused = (make: () => unknown): unknown =>
      expect(make).toThrow(expect.objectContaining({ code: "SLUICE_INVALID_OPTION" }));
    refused(() => queueHandler("queue" as unknown as QueueConsumer)); // wrong on purpose
    refused(() => queueHandler(() => {}, { queue: 7 as unknown as string })); // likewise
  });
});

describe("the types", () => {
  interface Order {
    readonly total: number;
  }
  interface Env {
    readonly KEY: string;
  }

  test("take a handler that is typed for Workers, in a drain of its messages", () => {
    const consumer: ExportedHandlerQueueHandler<Env, Order> = async (batch, env, context) => {
      for (const { body } of batch.messages)
        context.waitUntil(fetch(env.KEY, { body: `${body.total}`, method: "POST" }).then(() => {}));
    };
    const annotated = async (batch: MessageBatch<Order>, _env: Env, _context: ExecutionContext) =>
      batch.ackAll();
    expectTypeOf(queueHandler(consumer)).toEqualTypeOf<BatchHandler<Env, Order>>();
    expectTypeOf(queueHandler(annotated)).toEqualTypeOf<BatchHandler<Env, Order>>();
    const one = defineDrain((env: Env) => ({
      servers: env.KEY,
      stream: "ORDERS",
      consumer: "billing",
      codec: "json",
      batchHandler: queueHandler(consumer),
    }));
    expectTypeOf(one.run).parameter(0).toHaveProperty("env").toEqualTypeOf<Env>();
  });

  test("refuse a schema that gives another body", () => {
    const consumer = (batch: MessageBatch<Order>): void => batch.ackAll();
    const settings = { servers: "wss://nats.example.com", stream: "ORDERS", consumer: "billing" };
    defineDrain({
      ...settings,
      schema: z.object({ total: z.number() }),
      batchHandler: queueHandler(consumer),
    });
    // @ts-expect-error a total is a number
    defineDrain({
      ...settings,
      schema: z.object({ total: z.string() }),
      batchHandler: queueHandler(consumer),
    });
  });

  test("tell an untyped one what it gets", () => {
    queueHandler((batch, env, context) => {
      expectTypeOf(batch).toEqualTypeOf<QueueBatch>();
      expectTypeOf(env).toBeUnknown();
      expectTypeOf(context).toEqualTypeOf<QueueContext>();
    });
  });
});
