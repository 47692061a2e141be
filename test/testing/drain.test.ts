// testDrain: what a run is given reaches the handler, and what became of each message is told.
import { describe, expect, it, vi } from "vitest";
import { z } from "zod";
import {
  type DrainOptions,
  type DrainSettings,
  type Handler,
  RejectError,
  reject,
  retry,
} from "../../src/index.ts";
import { type FakeMessage, fakeMessage, testDrain } from "../../src/testing/index.ts";

/** Options of a drain with this handler. */
const given = (handler: Handler, settings: Partial<DrainSettings> = {}): DrainOptions => ({
  servers: "wss://nats.example.com",
  stream: "ORDERS",
  consumer: "billing",
  ...settings,
  handler,
});
const bodies = (...texts: string[]): FakeMessage[] => texts.map((data) => ({ subject: "orders.new", data }));

const deadLetter = { subject: "dlq.orders" };

describe("testDrain", () => {
  it("gives the handler what the message says, and what the run has", async () => {
    const seen: unknown[] = [];
    const handler: Handler<{ key: string }> = (message, { env }) => {
      const { id, stream, consumer, subject, sequence, deliveryCount, redelivered, timestamp, pending } =
        message;
      seen.push({
        id,
        stream,
        consumer,
        subject,
        sequence,
        deliveryCount,
        redelivered,
        timestamp,
        pending,
        env,
      });
      seen.push(message.text(), message.headers.values("Trace"));
    };
    const timestamp = new Date("2026-11-22T18:20:00.123Z");
    const options = (env: { key: string }) => {
      expect(env).toEqual({ key: "k" });
      return { servers: "", stream: "ORDERS", consumer: "billing", handler };
    };
    await testDrain(options, {
      env: { key: "k" },
      messages: [
        {
          subject: "orders.eu",
          data: "ünï\r\ncode",
          headers: { Trace: ["a", "b"] },
          timestamp,
          deliveryCount: 3,
        },
        { subject: "orders.us", json: { total: 1 }, sequence: 42, timestamp, pending: 7 },
      ],
    });
    const run = { stream: "ORDERS", consumer: "billing", timestamp, env: { key: "k" } };
    expect(seen).toEqual([
      {
        ...run,
        id: "ORDERS:1",
        subject: "orders.eu",
        sequence: 1,
        deliveryCount: 3,
        redelivered: true,
        pending: 1,
      },
      "ünï\r\ncode",
      ["a", "b"],
      {
        ...run,
        id: "ORDERS:42",
        subject: "orders.us",
        sequence: 42,
        deliveryCount: 1,
        redelivered: false,
        pending: 7,
      },
      '{"total":1}',
      [],
    ]);
  });

  it("tells why a message was rejected or retried", async () => {
    const error = new Error("the database is away");
    const handler: Handler = (message) => {
      if (message.text() === "reject") return reject("no such customer");
      if (message.text() === "throw-reject") throw new RejectError("not an order");
      throw error;
    };
    const { settlements } = await testDrain(given(handler), {
      messages: bodies("reject", "throw-reject", "throw"),
    });
    expect(settlements).toMatchObject([
      { id: "ORDERS:1", subject: "orders.new", kind: "reject", reason: "no such customer" },
      { id: "ORDERS:2", kind: "reject", reason: "not an order" },
      { id: "ORDERS:3", kind: "retry", error },
    ]);
  });

  it("tells why a schema refused a message, also where no dead letter says so", async () => {
    const { settlements } = await testDrain(
      {
        servers: "",
        stream: "S",
        consumer: "c",
        schema: z.object({ total: z.number() }),
        handler: ({ value }) => void value.total.toFixed(),
      },
      { messages: bodies('{"total":1}', "{}", "{") },
    );
    expect(settlements).toMatchObject([
      { kind: "ack" },
      { kind: "reject", reason: "invalid value: total: Invalid input: expected number, received undefined" },
      { kind: "reject", reason: "the body is not JSON" },
    ]);
  });

  it("has no jitter in the default pacing but the one it is given", async () => {
    const handler = (): never => {
      throw new Error("no");
    };
    const messages = [1, 2, 3, 20].map((deliveryCount) => ({ subject: "orders.new", deliveryCount }));
    const delays = async (random?: () => number): Promise<unknown[]> => {
      const { settlements } = await testDrain(given(handler), { messages, ...(random ? { random } : {}) });
      return settlements.map((settlement) => settlement.kind === "retry" && settlement.delayMs);
    };
    expect(await delays()).toEqual([750, 1_500, 3_000, 225_000]);
    expect(await delays(() => 0)).toEqual([500, 1_000, 2_000, 150_000]);
  });

  it("gives what is to be delivered again to the next run, until it is out of deliveries", async () => {
    const handler: Handler = (message) => (message.text() === "b" ? retry() : undefined);
    const headers = { Trace: "a" };
    const consumer = { maxDeliver: 3 };
    let messages: readonly FakeMessage[] = ["a", "b"].map((data) => ({
      subject: "orders.new",
      data,
      headers,
    }));
    const counts: unknown[] = [];
    while (messages.length > 0) {
      const { settlements, redeliveries } = await testDrain(given(handler), { messages, consumer });
      counts.push(settlements.map(({ id, kind }) => `${id} ${kind}`));
      messages = redeliveries;
      if (messages.length > 0)
        expect(fakeMessage({ ...messages[0], subject: "" }).headers.get("Trace")).toBe("a");
    }
    expect(counts).toEqual([["ORDERS:1 ack", "ORDERS:2 retry"], ["ORDERS:2 retry"], ["ORDERS:2 retry"]]);
  });

  it("goes by the consumer's max deliver and backoff, as the drain does", async () => {
    const options = given(() => retry({ delayMs: 5_000 }), { deadLetter });
    const { settlements, deadLetters } = await testDrain(options, {
      consumer: { maxDeliver: 3, backoffMs: [1_000, 4_000] },
      messages: [1, 2, 3].map((deliveryCount) => ({ subject: "orders.new", deliveryCount })),
    });
    expect(settlements).toMatchObject([
      { kind: "retry", delayMs: 5_000 },
      // The server adds the step's difference to the first.
      { kind: "retry", delayMs: 2_000 },
      { kind: "dead-letter", reason: "failed at delivery 3" },
    ]);
    expect(deadLetters).toMatchObject([{ subject: "dlq.orders", refused: false }]);
    expect(deadLetters[0]?.headers.get("Sluice-Subject")).toBe("orders.new");
  });

  it("lets a stream refuse what is published to it", async () => {
    const handler: Handler = async (message, { publish }) => {
      if (message.text() === "reject") return reject("no");
      const failed = await publish("invoices.new", "{}", { id: "i1" }).catch((error: Error) => error.name);
      return failed === "PublishError" ? retry({ delayMs: 60_000 }) : undefined;
    };
    const messages = bodies("a", "b", "reject");
    const options = given(handler, { deadLetter, retryDelay: () => 9_000 });
    const full = await testDrain(options, { messages, refusePublish: () => true });
    expect(full.settlements).toMatchObject([
      { kind: "retry", delayMs: 60_000 },
      { kind: "retry", delayMs: 60_000 },
      { kind: "retry", delayMs: 9_000 },
    ]);
    expect(full.report.findings).toMatchObject([{ code: "dead-letter-failed" }]);
    const room = await testDrain(options, { messages });
    expect(room.settlements.map(({ kind }) => kind)).toEqual(["ack", "ack", "dead-letter"]);
    expect(room.published).toMatchObject([
      { subject: "invoices.new", text: "{}" },
      { subject: "invoices.new" },
    ]);
  });

  it("keeps what cannot be dead-lettered at its last delivery, until it can be", async () => {
    const options = given(() => reject("no good"), { deadLetter });
    const consumer = { maxDeliver: 1 };
    const refusePublish = (subject: string): boolean => subject === deadLetter.subject;
    const limitMs = 1_000;
    const messages = bodies("a");
    const away = await testDrain(options, { messages, consumer, refusePublish, limitMs });
    expect(away.report).toMatchObject({ deadLettered: 0, exhausted: 0, retried: 1 });
    const [first, ...rest] = away.redeliveries;
    expect(rest).toEqual([]);
    expect(first).toMatchObject({ subject: messages[0]?.subject, sequence: 2, deliveryCount: 1 });
    const still = await testDrain(options, { messages: away.redeliveries, consumer, refusePublish, limitMs });
    expect(still.settlements).toMatchObject([{ id: "ORDERS:2", kind: "retry" }]);
    const back = await testDrain(options, { messages: still.redeliveries, consumer });
    expect(back.report).toMatchObject({ fetched: 1, deadLettered: 1 });
    expect(back.settlements).toMatchObject([{ kind: "dead-letter", reason: "no good" }]);
    expect(back.deadLetters[0]?.headers.get("Sluice-Sequence")).toBe("1");
    expect(back.redeliveries).toEqual([]);

    const full = await testDrain(options, { messages, consumer, refusePublish: () => true, limitMs });
    expect(full.report).toMatchObject({ exhausted: 1, retried: 0 });
    expect(full.redeliveries).toEqual([]);
  });

  it("gives back what an abort leaves behind", async () => {
    const abort = new AbortController();
    const handler: Handler = () => {
      abort.abort();
      return new Promise<void>(() => {});
    };
    const messages = bodies("a", "b");
    const { report, settlements, redeliveries } = await testDrain(given(handler), {
      messages,
      signal: abort.signal,
    });
    expect(report).toMatchObject({ reason: "aborted", retried: 1, released: 1 });
    expect(settlements.map(({ id, kind }) => `${id} ${kind}`).sort()).toEqual([
      "ORDERS:1 retry",
      "ORDERS:2 release",
    ]);
    expect(redeliveries).toMatchObject([
      { sequence: 1, deliveryCount: 2 },
      { sequence: 2, deliveryCount: 2 },
    ]);
  });

  it.each<[string, Partial<DrainSettings>, string]>([
    ["several Fetches", { batch: 2, fetches: 3 }, "empty"],
    ["one Fetch that comes full", { batch: 5 }, "batch-full"],
    ["the leader's answer on each", { confirm: "leader" }, "empty"],
    ["a publisher of its own", { isolatePublisher: true }, "empty"],
    ["the whole max wait", { fill: true }, "max-wait"],
    ["a JetStream domain", { domain: "hub" }, "empty"],
  ])("serves a drain that asks for %s", async (_what, options, reason) => {
    const handler: Handler = async (_message, { publish }) => void (await publish("out", "x"));
    const messages = bodies("1", "2", "3", "4", "5");
    const { report, published } = await testDrain(given(handler, options), { messages });
    expect(report).toMatchObject({ outcome: "completed", reason, fetched: 5, acked: 5, unconfirmed: 0 });
    expect(published).toHaveLength(5);
  });

  it("ends at once when there is nothing", async () => {
    const { report, settlements } = await testDrain(
      given(() => {}),
      { messages: [] },
    );
    expect(report).toMatchObject({ outcome: "completed", reason: "empty", fetched: 0 });
    expect(settlements).toEqual([]);
  });

  it("needs no address and no credentials, but takes no wrong option", async () => {
    const options = { servers: "", stream: "S", consumer: "c", auth: { token: "" }, handler: () => {} };
    expect(await testDrain(options, { messages: bodies("a") })).toMatchObject({ report: { acked: 1 } });
    const wrong = { ...options, concurrency: 0 };
    await expect(testDrain(wrong, { messages: [] })).rejects.toThrow(RangeError);
    await expect(testDrain({ ...options, handler: 7 as never }, { messages: [] })).rejects.toThrow(
      "handler: must be",
    );
    await expect(testDrain(options, { messages: [{ subject: "a", data: "", json: 1 }] })).rejects.toThrow(
      TypeError,
    );
    const twice = [1, 1].map((sequence) => ({ subject: "a", sequence }));
    await expect(testDrain(options, { messages: twice })).rejects.toThrow("sequence: two messages have 1");
  });
});

describe("fakeMessage", () => {
  it("is a message to call a handler with", () => {
    const message = fakeMessage({
      subject: "orders.new",
      json: { total: 1 },
      sequence: 7,
      stream: "ORDERS",
      pending: 2,
    });
    expect(message.json()).toEqual({ total: 1 });
    expect(message.value).toEqual(new TextEncoder().encode('{"total":1}'));
    expect(message).toMatchObject({
      id: "ORDERS:7",
      consumer: "consumer",
      deliveryCount: 1,
      redelivered: false,
      pending: 2,
    });
  });

  it("has the value that a schema would have given", () => {
    const handler: Handler<unknown, { total: number }> = ({ value }) =>
      value.total > 9 ? reject("too much") : undefined;
    const context = {
      env: undefined,
      signal: AbortSignal.any([]),
      deadline: 0,
      publish: vi.fn(),
      headers: {},
    };
    expect(handler(fakeMessage({ subject: "orders.new", value: { total: 10 } }), context)).toEqual(
      reject("too much"),
    );
  });
});
