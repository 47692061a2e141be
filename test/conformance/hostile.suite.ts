// A publisher of one message, against a real nats-server, in every runtime: whatever bytes it
// sends, its message is handled or dead-lettered, and nobody else's waits for it.
import { describe, expect, test } from "vitest";
import { type DrainOptions, defineDrain, type Message, type Report, reject, retry } from "../../src/index.ts";
import type { DeliveredMessage } from "../../src/message/message.ts";
import { letterId } from "../../src/settle/letter-id.ts";
import { type LabServer, labServer } from "../support/lab-client.ts";

const BASE = {
  auth: { user: "drain", password: "drain-pw" },
  stream: "ORDERS",
  consumer: "worker",
  deadLetter: { subject: "dlq.orders" },
};
const NEW = "ORDERS.new";

async function given(): Promise<LabServer> {
  const server = await labServer();
  await server.createStream("ORDERS");
  await server.createConsumer("ORDERS", "worker");
  await server.createStream("DEAD", { subjects: ["dlq.>"] });
  return server;
}

const drain = (server: LabServer, options: Omit<DrainOptions, "servers">): Promise<Report> =>
  defineDrain({ ...options, servers: server.wsUrl } as DrainOptions).run({ limitMs: 8_000 }); // whole again

const blockOf = (...lines: readonly string[]): string =>
  `NATS/1.0\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n`;

export function hostileSuite(runtime: string): void {
  describe(`a hostile publisher in ${runtime}`, () => {
    test.each<[what: string, line: string, dropped: string]>([
      ["a space in a name", "Foo Bar: x", "Foo%20Bar"],
      ["a name beyond ASCII", "Gr\xc3\xb6\xc3\x9fe: x", "Gr%C3%B6%C3%9Fe"],
      ["a lone CR in a value", "Foo: a\rb", "Foo"],
      ["a lone LF in a value", "Foo: a\nForged: b", "Foo"],
    ])(
      "%s keeps a message from nothing: it is handled, and dead-lettered without that header",
      async (...args) => {
        const [, line, dropped] = args;
        const server = await given();
        await server.publishRaw({ subject: NEW, block: blockOf(line, "Trace: a"), body: "body" });
        const seen: unknown[] = [];
        const report = await drain(server, {
          ...BASE,
          handler: ({ headers }) => {
            seen.push(headers.get("Trace"), headers.keys(), headers.dropped);
            return reject("no good");
          },
        });
        expect(report).toMatchObject({ outcome: "completed", fetched: 1, deadLettered: 1 });
        expect(seen).toEqual(["a", ["Trace"], [dropped]]);
        const [dead] = await server.messages("DEAD");
        expect(dead).toMatchObject({
          data: "body",
          headers: { Trace: "a", "Sluice-Dropped-Headers": dropped },
        });
      },
    );

    test("a message that says it is a status is a message", async () => {
      const server = await given();
      for (const status of ["404 No Messages", "409 Consumer Deleted", "100 Idle Heartbeat", "503"]) {
        await server.publishRaw({ subject: NEW, block: `NATS/1.0 ${status}\r\n\r\n` });
      }
      await server.publish(NEW, 1, ["honest"]);
      const report = await drain(server, { ...BASE, handler: ({ headers }) => void headers.get("Trace") });
      expect(report).toMatchObject({ outcome: "completed", reason: "empty", fetched: 5, acked: 5 });
    });

    test("thirty messages of ten thousand headers each starve nobody", async () => {
      const server = await given();
      const lines = Array.from({ length: 9_500 }, (_, index) => `${(index % 1_296).toString(36)}:b`);
      await server.publishRaw({ subject: NEW, block: blockOf(...lines), count: 30 });
      await server.publish(NEW, 10, ["honest"]);
      const start = performance.now();
      const report = await drain(server, { ...BASE, handler: ({ headers }) => void headers.get("Trace") });
      expect(report).toMatchObject({ outcome: "completed", fetched: 40, acked: 40 });
      // nats-core took a second for each.
      expect(performance.now() - start).toBeLessThan(6_000);
    });

    test.each([
      ["text", "the body is not UTF-8"],
      ["json", "the body is not JSON"],
    ] as const)("a body that is not UTF-8 is no %s: rejected, and kept as it is", async (codec, reason) => {
      const server = await given();
      await server.publishRaw({ subject: NEW, body: '"gr\xfc\xdfe"' });
      const drained = defineDrain({ ...BASE, codec, servers: server.wsUrl, handler: () => {} });
      expect(await drained.run({ limitMs: 8_000 })).toMatchObject({ fetched: 1, acked: 0, deadLettered: 1 });
      const [dead] = await server.messages("DEAD");
      expect(dead).toMatchObject({ data: '"gr\ufffd\ufffde"', headers: { "Sluice-Reason": reason } });
    });

    test("a body in the shape of a settlement, of a Response or of a list settles nothing", async () => {
      const bodies = [
        '{"kind":"retry","delayMs":5}',
        '{"kind":"reject","reason":"x","Symbol(sluice.settlement)":true}',
        '{"status":503,"headers":{"get":"x"}}',
        '{"code":"SLUICE_REJECT","message":"x"}',
        '[{"kind":"reject","reason":"x"}]',
        '{"then":1,"__proto__":{"kind":"reject"}}',
      ];
      const server = await given();
      const parsed = (message: Message<unknown>): never => message.json() as never; // what types forbid
      const ways = [
        { handler: parsed },
        { batchHandler: (messages: readonly Message<unknown>[]) => messages.map(parsed) },
      ];
      for (const way of ways) {
        await server.publish(NEW, bodies.length, bodies);
        const report = await drain(server, { ...BASE, ...way });
        expect(report).toMatchObject({ outcome: "completed", acked: bodies.length, findings: [] });
      }
      expect((await server.streamState("DEAD")).messages).toBe(0);
    });

    test("a message that says it is a dead letter of the consumer's own stops no drain", async () => {
      const server = await given();
      await server.createConsumer("ORDERS", "one", { max_ack_pending: 1 });
      const block = blockOf("Sluice-Stream: ORDERS", "Sluice-Consumer: one");
      await server.publishRaw({ subject: NEW, block, body: "bad" });
      await server.publish(NEW, 3, ["honest"]);
      const report = await drain(server, {
        ...BASE,
        consumer: "one",
        handler: ({ sequence }) => (sequence === 1 ? reject("no good") : undefined),
      });
      expect(report).toMatchObject({ outcome: "completed", fetched: 4, acked: 3, deadLettered: 1 });
    });

    test("junk under ids that a reader of the stream can make is taken for no dead letter", async () => {
      const server = await given();
      await server.publish(NEW, 1, ["body"]);
      const plant = async (message: Message) => {
        const { id, timestampNanos: time } = message as DeliveredMessage; // as a drain makes them
        const ids = [`sluice:worker:${id}`, `sluice:worker:${id}:${time}`, await letterId(message, {})];
        for (const each of ids) {
          const block = blockOf(`Nats-Msg-Id: ${each}`);
          await server.publishRaw({ subject: "dlq.orders", block, body: "junk" });
        }
        return retry({ delayMs: 1 });
      };
      expect(await drain(server, { ...BASE, handler: plant })).toMatchObject({ retried: 1 });
      const report = await drain(server, { ...BASE, handler: () => reject("no good") });
      expect(report).toMatchObject({ fetched: 1, deadLettered: 1 });
      expect((await server.messages("DEAD")).map(({ data }) => data)).toEqual([
        "junk",
        "junk",
        "junk",
        "body",
      ]);
    });

    test("a body at the server's limit is dead-lettered as a stub that says where it is", async () => {
      const server = await given();
      await server.publishRaw({ subject: NEW, body: "x".repeat(1_048_576) });
      const report = await drain(server, { ...BASE, handler: () => reject("no good") });
      expect(report).toMatchObject({ outcome: "completed", fetched: 1, deadLettered: 1 });
      const [dead] = await server.messages("DEAD");
      expect(dead).toMatchObject({ data: "", headers: { "Sluice-Stub": "true", "Sluice-Sequence": "1" } });
      expect((await server.streamState("ORDERS")).messages).toBe(1);
    });
  });
}
