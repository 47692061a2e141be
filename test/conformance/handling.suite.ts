// Handling, against a real nats-server, in every runtime: what a managed queue gives a function's author, and more.
import { type } from "arktype";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import {
  ack,
  type DrainOptions,
  defineDrain,
  type Message,
  RejectError,
  type Report,
  RetryError,
  reject,
  retry,
} from "../../src/index.ts";
import { type LabServer, labProxy, labServer } from "../support/lab-client.ts";

const STREAM = "ORDERS";
const CONSUMER = "worker";
const BASE = {
  auth: { user: "drain", password: "drain-pw" },
  stream: STREAM,
  consumer: CONSUMER,
  maxWaitMs: 1_000,
};

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** A server with messages for the consumer, and a stream that takes dead letters and results in. */
async function given(bodies: readonly string[], consumer: Record<string, unknown> = {}): Promise<LabServer> {
  const server = await labServer();
  await server.createStream(STREAM);
  await server.createConsumer(STREAM, CONSUMER, { ack_wait: 20_000 * 1e6, ...consumer });
  await server.createStream("DEAD", { subjects: ["dlq.>"] });
  if (bodies.length > 0) await server.publish(`${STREAM}.new`, bodies.length, bodies);
  return server;
}

/** The options are whole, so that their types are inferred as a user's are. */
const drain = (options: DrainOptions, limitMs = 8_000): Promise<Report> =>
  defineDrain(options).run({ limitMs });

const state = (server: LabServer) => server.consumerState(STREAM, CONSUMER);

export function handlingSuite(runtime: string): void {
  describe(`handling in ${runtime}`, () => {
    results();
    batches();
    order();
    deadlines();
    deadLetters();
    values();
    onceAids();
  });
}

function results(): void {
  test("errors with the codes of RetryError and RejectError ask for what they say, and are no failures", async () => {
    const server = await given(["a", "b", "c"]);
    const report = await drain({
      ...BASE,
      servers: server.wsUrl,
      handler: (message) => {
        if (message.sequence === 1) throw new RetryError("later", { delayMs: 60_000 });
        if (message.sequence === 2) throw new RejectError("never");
        // Another copy of the package, as bundlers make them: known by its code.
        throw Object.assign(new Error("not this one"), { code: "SLUICE_REJECT" });
      },
    });
    expect(report).toMatchObject({ fetched: 3, retried: 1, rejected: 2, findings: [] });
    expect(await state(server)).toMatchObject({ ackPending: 1 });
  });

  test("under backoff a retry waits as long as it asked for, not that and the backoff", async () => {
    const server = await given(["again"], {
      backoff: [300 * 1e6, 1_500 * 1e6],
      max_deliver: 5,
      ack_wait: undefined,
    });
    const at: number[] = [];
    const handler = (message: Message) => {
      at.push(Date.now());
      return message.deliveryCount < 3 ? retry({ delayMs: 1_800 }) : undefined;
    };
    const report = await drain(
      { ...BASE, servers: server.wsUrl, fill: true, batch: 3, maxWaitMs: 9_000, handler },
      15_000,
    );
    expect(report).toMatchObject({ fetched: 3, acked: 1, retried: 2 });
    const waits = at.slice(1).map((time, index) => time - (at[index] ?? 0));
    for (const wait of waits) {
      expect(wait).toBeGreaterThanOrEqual(1_780);
      // The server would add 1,200 ms to the second.
      expect(wait).toBeLessThan(1_800 + 1_100);
    }
  });
}

function batches(): void {
  const bodies = ["1", "2", "3", "4"];

  test("a batch handler gets all of a Fetch at once; returning nothing acks all", async () => {
    const server = await given(bodies);
    const seen: string[][] = [];
    const report = await drain({
      ...BASE,
      servers: server.wsUrl,
      batchHandler: async (messages) => void seen.push(messages.map((message) => message.text())),
    });
    expect(seen).toEqual([bodies]);
    expect(report).toMatchObject({ fetched: 4, acked: 4 });
  });

  test("an array settles each message by its entry", async () => {
    const server = await given(bodies);
    const report = await drain({
      ...BASE,
      servers: server.wsUrl,
      batchHandler: () => [undefined, retry({ delayMs: 60_000 }), reject("third"), ack()],
    });
    expect(report).toMatchObject({ fetched: 4, acked: 2, retried: 1, rejected: 1 });
    expect(await state(server)).toMatchObject({ ackPending: 1 });
  });

  test("a throw retries all, and an array of another length does too, with a finding that says why", async () => {
    const server = await given(bodies);
    const retryDelay = (): number => 10;
    const threw = await drain({
      ...BASE,
      servers: server.wsUrl,
      retryDelay,
      batchHandler: () => Promise.reject(new Error("no")),
    });
    expect(threw).toMatchObject({ fetched: 4, acked: 0, retried: 4, findings: [{ code: "handler-failed" }] });
    const short = await drain({
      ...BASE,
      servers: server.wsUrl,
      fill: true,
      batch: 4,
      retryDelay: () => 60_000,
      batchHandler: () => [undefined],
    });
    expect(short).toMatchObject({
      fetched: 4,
      acked: 0,
      retried: 4,
      findings: [{ code: "batch-result-invalid" }],
    });
    expect(short.findings[0]?.message).toContain("1 entries for 4 messages");
  });
}

function order(): void {
  test("orderBy keeps a key's messages in order while keys run side by side", async () => {
    const server = await given(["a1", "b1", "a2", "b2", "a3", "b3"]);
    const running = new Set<string>();
    const seen: string[] = [];
    let together = 0;
    const report = await drain({
      ...BASE,
      servers: server.wsUrl,
      concurrency: 4,
      orderBy: (message) => message.text().charAt(0),
      handler: async (message) => {
        const key = message.text().charAt(0);
        expect(running.has(key)).toBe(false);
        running.add(key);
        together = Math.max(together, running.size);
        await pause(30);
        running.delete(key);
        seen.push(message.text());
      },
    });
    expect(report).toMatchObject({ fetched: 6, acked: 6, findings: [] });
    expect(together).toBe(2);
    expect(seen.filter((text) => text.startsWith("a"))).toEqual(["a1", "a2", "a3"]);
    expect(seen.filter((text) => text.startsWith("b"))).toEqual(["b1", "b2", "b3"]);
  });

  test("a retry is not overtaken: the later ones of its key are released", async () => {
    const server = await given(["a1", "b1", "a2", "b2", "a3"]);
    const seen: string[] = [];
    const options = {
      ...BASE,
      servers: server.wsUrl,
      concurrency: 4,
      retryDelay: () => 200,
      orderBy: (message: { text(): string }) => message.text().charAt(0),
    };
    const first = await drain({
      ...options,
      handler: async (message) => {
        await pause(20);
        if (message.text() === "a1") throw new Error("not yet");
        seen.push(message.text());
      },
    });
    expect(first).toMatchObject({ fetched: 5, acked: 2, retried: 1, released: 2, more: true });
    const second = await drain({
      ...options,
      fill: true,
      batch: 3,
      maxWaitMs: 3_000,
      handler: async (message) => void seen.push(message.text()),
    });
    expect(second).toMatchObject({ fetched: 3, acked: 3 });
    expect(seen.filter((text) => text.startsWith("a"))).toEqual(["a1", "a2", "a3"]);
  });
}

function deadlines(): void {
  test("a handler over its time is given up, its signal aborts, and it cannot settle later", async () => {
    const server = await given(["slow", "fast"]);
    let aborted = false;
    const report = await drain({
      ...BASE,
      servers: server.wsUrl,
      handlerTimeoutMs: 200,
      retryDelay: () => 60_000,
      handler: async (message, { signal, deadline }) => {
        expect(deadline - Date.now()).toBeLessThanOrEqual(200);
        if (message.text() === "fast") return;
        signal.addEventListener("abort", () => {
          aborted = true;
        });
        await pause(600);
      },
    });
    expect(report).toMatchObject({ outcome: "completed", fetched: 2, acked: 1, retried: 1 });
    expect(aborted).toBe(true);
    expect(await state(server)).toMatchObject({ ackPending: 1 });
  });

  test("a handler of several ack waits runs once, and its publish goes through on the same connection", async () => {
    const server = await given(["long"], { ack_wait: 500 * 1e6 });
    let handled = 0;
    const report = await drain({
      ...BASE,
      servers: server.wsUrl,
      handler: async (_message, { publish }) => {
        handled += 1;
        await pause(3_000);
        await publish("dlq.result", "done");
      },
    });
    expect(report).toMatchObject({ outcome: "completed", fetched: 1, acked: 1 });
    expect(handled).toBe(1);
    expect(await server.messages("DEAD")).toMatchObject([{ subject: "dlq.result", data: "done" }]);
    expect(await state(server)).toMatchObject({ delivered: 1, ackPending: 0 });
  });

  test("an InactiveThreshold shorter than a slow handler deletes no consumer: it is kept alive", async () => {
    const server = await given(["1", "2"], { inactive_threshold: 700 * 1e6 });
    const report = await drain({ ...BASE, servers: server.wsUrl, handler: () => pause(1_500) });
    expect(report).toMatchObject({ outcome: "completed", fetched: 2, acked: 2 });
  });

  test("a consumer that went under its handlers: the report says what was handled, and that it is gone", async () => {
    const server = await given(["1", "2"], { inactive_threshold: 60_000 * 1e6 });
    let handled = 0;
    const report = await drain({
      ...BASE,
      servers: server.wsUrl,
      settleTimeoutMs: 600,
      handler: async () => {
        handled += 1;
        if (handled === 1) await server.deleteConsumer(STREAM, CONSUMER);
      },
    });
    expect(handled).toBe(2);
    expect(report).toMatchObject({
      outcome: "fatal",
      reason: "consumer-deleted",
      fetched: 2,
      acked: 0,
      unconfirmed: 2,
    });
  });
}

function deadLetters(): void {
  test("a rejected message is published with its headers and its story, and only then termed", async () => {
    const server = await given(["poison"]);
    const handler = () => reject("no such\ncustomer");
    const report = await drain({
      ...BASE,
      servers: server.wsUrl,
      handler,
      deadLetter: { subject: "dlq.orders" },
    });
    expect(report).toMatchObject({ fetched: 1, deadLettered: 1, rejected: 0 });
    const [dead] = await server.messages("DEAD");
    expect(dead).toMatchObject({ subject: "dlq.orders", data: "poison" });
    expect(dead?.headers).toMatchObject({
      "Sluice-Subject": `${STREAM}.new`,
      "Sluice-Stream": STREAM,
      "Sluice-Sequence": "1",
      "Sluice-Consumer": CONSUMER,
      "Sluice-Deliveries": "1",
      "Sluice-Reason": "no such customer",
      "Nats-Msg-Id": expect.stringMatching(`^sluice:${CONSUMER}:${STREAM}:1:\\d+$`),
    });
    expect(await state(server)).toMatchObject({ ackPending: 0, ackFloor: 1 });
  });

  test("after the consumer's max deliver a failing message is a dead letter, once", async () => {
    const server = await given(["poison"], { max_deliver: 2 });
    const options = {
      ...BASE,
      servers: server.wsUrl,
      deadLetter: { subject: "dlq.orders" },
      retryDelay: () => 10,
      handler: () => Promise.reject(new Error("always")),
    };
    const report = await drain({ ...options, fill: true, batch: 2 });
    expect(report).toMatchObject({ fetched: 2, retried: 1, deadLettered: 1 });
    expect(await server.messages("DEAD")).toHaveLength(1);
  });

  test("the last delivery is a dead letter also when it comes before the consumer has said how many there are", async () => {
    const server = await given(["1", "2", "3", "4", "5"], { max_deliver: 1 });
    const report = await drain({
      ...BASE,
      servers: server.wsUrl,
      deadLetter: { subject: "dlq.orders" },
      handler: () => {
        throw new Error("always");
      },
    });
    expect(report).toMatchObject({ fetched: 5, deadLettered: 5 });
  });

  test("without a PubAck nothing is termed: the message is retried", async () => {
    const server = await given(["poison"]);
    const report = await drain({
      ...BASE,
      servers: server.wsUrl,
      deadLetter: { subject: "dlq.orders" },
      settleTimeoutMs: 600,
      handler: async () => {
        await server.deleteStream("DEAD");
        return reject("no good");
      },
    });
    expect(report).toMatchObject({
      fetched: 1,
      deadLettered: 0,
      retried: 1,
      findings: [{ code: "dead-letter-failed" }],
    });
    expect(await state(server)).toMatchObject({ ackPending: 1 });
  });
}

function values(): void {
  const bodies = ['{"total":7}', '{"total":"many"}', "not json"];
  const cases = {
    zod: z.object({ total: z.number() }),
    valibot: v.object({ total: v.number() }),
    arktype: type({ total: "number" }),
  };

  for (const [name, schema] of Object.entries(cases)) {
    test(`${name} gives the value its type, and rejects what does not parse with its issues`, async () => {
      const server = await given(bodies);
      const totals: number[] = [];
      const drained = defineDrain({
        ...BASE,
        servers: server.wsUrl,
        deadLetter: { subject: "dlq.orders" },
        schema,
        handler: (message) => void totals.push(message.value.total),
      });
      expect(await drained.run({ limitMs: 8_000 })).toMatchObject({
        fetched: 3,
        acked: 1,
        deadLettered: 2,
        findings: [],
      });
      expect(totals).toEqual([7]);
      const reasons = (await server.messages("DEAD")).map(({ headers }) => headers["Sluice-Reason"]);
      expect(reasons[0]).toMatch(/total/);
      expect(reasons[1]).toBe("the body is not JSON");
    });
  }

  test("a CloudEvent in structured mode is read as one", async () => {
    const server = await given([]);
    const event = { specversion: "1.0", id: "7", source: "/orders", type: "order.made", data: { total: 7 } };
    await server.publish(`${STREAM}.new`, 1, [JSON.stringify(event)]);
    const seen: unknown[] = [];
    const drained = defineDrain({
      ...BASE,
      servers: server.wsUrl,
      codec: "cloudevents",
      handler: (message) => void seen.push(message.value.type),
    });
    // Without its content type it is no structured event, and without ce- headers no binary one.
    expect(await drained.run({ limitMs: 8_000 })).toMatchObject({ rejected: 1 });
    expect(seen).toEqual([]);
  });
}

function onceAids(): void {
  test("confirm: leader counts what the consumer's leader answered", async () => {
    const server = await given(["1", "2", "3"]);
    const report = await drain({
      ...BASE,
      servers: server.wsUrl,
      confirm: "leader",
      handler: (message) => (message.sequence === 2 ? retry({ delayMs: 60_000 }) : undefined),
    });
    expect(report).toMatchObject({ outcome: "completed", fetched: 3, acked: 2, retried: 1, unconfirmed: 0 });
    expect(await state(server)).toMatchObject({ ackPending: 1 });
  });

  test("publish waits for the PubAck, and an id makes the second a duplicate", async () => {
    const server = await given(["1"]);
    const answers: unknown[] = [];
    await drain({
      ...BASE,
      servers: server.wsUrl,
      handler: async (message, { publish }) => {
        const options = { id: message.id, headers: { "X-Order": "1" } };
        answers.push(
          await publish("dlq.result", "done", options),
          await publish("dlq.result", "done", options),
        );
      },
    });
    expect(answers).toMatchObject([
      { stream: "DEAD", sequence: 1, duplicate: false },
      { stream: "DEAD", sequence: 1, duplicate: true },
    ]);
    expect(await server.messages("DEAD")).toMatchObject([{ data: "done", headers: { "X-Order": "1" } }]);
  });

  test("publish is retried until the stream takes the message", async () => {
    const server = await given(["1"]);
    await server.deleteStream("DEAD");
    const report = await drain({
      ...BASE,
      servers: server.wsUrl,
      handler: async (_message, { publish }) => {
        const publishing = publish("dlq.result", "at last");
        await server.createStream("DEAD", { subjects: ["dlq.>"] });
        await publishing;
      },
    });
    expect(report).toMatchObject({ acked: 1, findings: [] });
    expect(await server.messages("DEAD")).toMatchObject([{ data: "at last" }]);
  });

  test("a priority group passes through with the pull", async ({ skip }) => {
    const server = await given([]);
    if (/^2\.(9|10)\./.test(server.version)) skip(`nats-server ${server.version} has no priority groups`);
    // The library's types name the policy by an enum, which JSON carries as its value.
    const grouped = { priority_groups: ["jobs"], priority_policy: "overflow" as never };
    await server.createConsumer(STREAM, "grouped", grouped);
    await server.publish(`${STREAM}.new`, 3);
    const options = { ...BASE, servers: server.wsUrl, consumer: "grouped", handler: () => {} };
    expect(await drain(options)).toMatchObject({ outcome: "fatal", reason: "bad-request", fetched: 0 });
    expect(await drain({ ...options, priorityGroup: { group: "jobs" } })).toMatchObject({
      fetched: 3,
      acked: 3,
    });
    // An overflow client takes only what is pending above its mark.
    const overflow = { ...options, maxWaitMs: 300, priorityGroup: { group: "jobs", minPending: 5 } };
    await server.publish(`${STREAM}.new`, 2);
    expect(await drain(overflow)).toMatchObject({ fetched: 0, pending: 2 });
  });

  test("an isolated publisher survives the loss of the drain's own connection", async () => {
    const server = await given(["1"]);
    const proxy = await labProxy(server);
    let published: unknown;
    const report = await drain({
      ...BASE,
      servers: proxy.url,
      isolatePublisher: true,
      batch: 1,
      handler: async (_message, { publish }) => {
        await proxy.cut();
        published = await publish("dlq.result", "kept");
      },
    });
    expect(published).toMatchObject({ stream: "DEAD", sequence: 1 });
    // The message itself comes again: its ack had no way to the server.
    expect(report).toMatchObject({ outcome: "retryable", reason: "connection-lost", unconfirmed: 1 });
    expect(await proxy.counts()).toMatchObject({ accepted: 2 });
  });
}
