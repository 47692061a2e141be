// Publishing: when it is tried again, when it is not, and what its errors say.
import { describe, expect, onTestFinished, test } from "vitest";
import type { Connection } from "../src/connection/connection.ts";
import { LazyConnection } from "../src/connection/isolated.ts";
import { Publisher, type PublishSettings } from "../src/settle/publish.ts";
import { PublishError } from "../src/settle/publish-error.ts";
import { connectAs, inMs } from "./support/delivery.ts";
import { type LabServer, labProxy, labServer } from "./support/lab-client.ts";
import { blockOf } from "./support/raw-publisher.ts";

async function openConnection(server: LabServer): Promise<Connection> {
  const connection = await connectAs("admin", server.wsUrl);
  onTestFinished(() => connection.close());
  return connection;
}

async function failure(
  connection: Connection,
  settings: PublishSettings = {},
  ms = 1_000,
  data = "body",
): Promise<PublishError> {
  const publisher = new Publisher(async () => connection);
  const error = await publisher.publish("dlq.x", data, settings, inMs(ms)).catch((why: unknown) => why);
  if (!(error instanceof PublishError)) throw new Error("it was published");
  return error;
}

/** Everything that a log could show of an error. */
function allOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return [error.message, error.stack, JSON.stringify(error), allOf(error.cause)].join("\n");
}

describe("an answer", () => {
  test.each([
    ["text", "card 4111"],
    ["half JSON", '{"stream":"card 4111'],
    ["null", "null"],
    ["another value", '"card 4111"'],
    ["another object", '{"card":"4111"}'],
    ["a PubAck of no stream", '{"stream":"card 4111 *","seq":1}'],
    ["a PubAck of no message", '{"stream":"DEAD","seq":-1,"card":"4111"}'],
    [
      "a refusal with a text of its own",
      '{"error":{"code":400,"err_code":"4111","description":"card 4111"}}',
    ],
    ["a refusal of no kind", '{"error":{"description":"card 4111"}}'],
  ])("that is no PubAck is refused and never quoted: %s", async (_what, answer) => {
    const connection = await openConnection(await labServer());
    connection.nats.subscribe("dlq.x", { callback: (_error, msg) => void msg.respond(answer) });
    const error = await failure(connection);
    expect(error.message).toMatch(/not a PubAck|JetStream refused it$/);
    expect(error.message).not.toContain("4111");
    if (!answer.includes("error")) expect(allOf(error)).not.toContain("4111");
  });

  test.each(["junk", "null", '{"stream":"DEAD"}', ""])(
    "of a stranger (%j) is passed over where the stream's own comes behind it",
    async (junk) => {
      const server = await labServer();
      await server.createStream("DEAD", { subjects: ["dlq.>"] });
      const connection = await openConnection(server);
      const neighbour = await openConnection(server);
      neighbour.nats.subscribe("dlq.x", { callback: (_error, msg) => void msg.respond(junk) });
      await neighbour.nats.flush();
      const publisher = new Publisher(async () => connection);
      for (let sequence = 1; sequence <= 5; sequence += 1) {
        const ack = await publisher.publish("dlq.x", "body", {}, inMs(5_000));
        expect(ack).toMatchObject({ stream: "DEAD", sequence, duplicate: false });
      }
    },
  );

  test("that is a PubAck counts, whatever headers it has", async () => {
    const server = await labServer();
    const connection = await openConnection(server);
    const block = blockOf("no good: x", "\xff: y");
    const answered = new Promise<void>((resolve) => {
      connection.nats.subscribe("dlq.x", {
        callback: (_error, { reply = "" }) =>
          resolve(server.publishRaw({ subject: reply, block, body: '{"stream":"S","seq":1}' })),
      });
    });
    const outcome = new Publisher(async () => connection).publish("dlq.x", "", {}, inMs(3_000));
    expect(await outcome).toMatchObject({ stream: "S", sequence: 1, duplicate: false });
    await answered;
  });
});

test("publish: a duplicate that a stream by interest has not kept is one", async () => {
  const server = await labServer();
  await server.createStream("DEAD", { subjects: ["dlq.>"], retention: "interest" as never }); // an enum, as above
  const connection = await openConnection(server);
  const publisher = new Publisher(async () => connection);
  await publisher.publish("dlq.x", "body", { id: "1" }, inMs(5_000));
  const again = await publisher.publish("dlq.x", "body", { id: "1" }, inMs(5_000));
  expect(again).toMatchObject({ stream: "DEAD", duplicate: true });
});

test("publish: a refusal is told by its number, in our words", async () => {
  const server = await labServer();
  await server.createStream("DEAD", { subjects: ["dlq.>"], max_msg_size: 10 });
  const connection = await openConnection(server);
  expect((await failure(connection)).message).toBe(
    'no stream confirmed a message to "dlq.x" in 1 attempt: it is larger than the stream\'s max_msg_size',
  );
  const large = await failure(connection, {}, 1_000, "x".repeat(1_048_577));
  expect(large.message).toMatch(/the message would have 10486\d\d bytes, and 1048576 are allowed$/);
});

test("publish gives up soon with nobody there, unless it is told to persist", async () => {
  const server = await labServer();
  const connection = await openConnection(server);
  const start = performance.now();
  expect((await failure(connection, {}, 20_000)).message).toMatch(/in 5 attempts/);
  expect(performance.now() - start).toBeLessThan(5_000);

  const publisher = new Publisher(async () => connection);
  const publishing = publisher.publish("dlq.x", "at last", { persist: true }, inMs(20_000));
  // Longer than three attempts take.
  await new Promise((resolve) => setTimeout(resolve, 600));
  await server.createStream("DEAD", { subjects: ["dlq.>"] });
  expect(await publishing).toMatchObject({ stream: "DEAD", sequence: 1, duplicate: false });
});

test("publish asks a stream that is full again only where it persists", async () => {
  const server = await labServer();
  // Of the library's types the names are enums, which JSON carries as their values.
  const full = { subjects: ["dlq.>"], max_msgs: 1, discard: "new" as never };
  await server.createStream("DEAD", full);
  await server.publish("dlq.first", 1);
  const connection = await openConnection(server);
  expect((await failure(connection)).message).toMatch(/in 1 attempt: the stream cannot store it/);
  const publisher = new Publisher(async () => connection);
  const publishing = publisher.publish("dlq.x", "at last", { persist: true }, inMs(20_000));
  await connection.nats.request("$JS.API.STREAM.PURGE.DEAD");
  expect(await publishing).toMatchObject({ stream: "DEAD", sequence: 2 });
});

test("publish gives up at once over a connection that has ended, however long it may persist", async () => {
  const server = await labServer();
  const connection = await connectAs("admin", server.wsUrl);
  connection.nats.subscribe("dlq.x", { callback: () => void connection.close() });
  const start = performance.now();
  expect((await failure(connection, { persist: true }, 20_000)).message).toMatch(/the connection has ended$/);
  expect(performance.now() - start).toBeLessThan(5_000);
});

describe("a connection of the publisher's own", () => {
  const login = { auth: { user: "admin", password: "admin-pw" }, name: "sluice" };

  function lazy(servers: string): LazyConnection {
    const opened = new LazyConnection({ ...login, servers }, inMs(10_000), () => {});
    onTestFinished(() => opened.close());
    return opened;
  }

  test("is tried again when its first attempt was refused", async () => {
    const server = await labServer();
    await server.createStream("DEAD", { subjects: ["dlq.>"] });
    const proxy = await labProxy(server);
    await proxy.refuseNew();
    const connection = lazy(proxy.url);
    let tries = 0;
    const publisher = new Publisher(async () => {
      tries += 1;
      if (tries === 2) await proxy.restore();
      return await connection.get();
    });
    expect(await publisher.publish("dlq.x", "body", {}, inMs(10_000))).toMatchObject({ sequence: 1 });
    expect(tries).toBeGreaterThan(1);
  });

  test("is not tried again when the server refuses the login", async () => {
    const server = await labServer();
    const connection = new LazyConnection(
      { ...login, auth: { user: "admin", password: "wrong" }, servers: server.wsUrl },
      inMs(10_000),
      () => {},
    );
    onTestFinished(() => connection.close());
    const publisher = new Publisher(() => connection.get());
    await expect(publisher.publish("dlq.x", "", {}, inMs(10_000))).rejects.toThrow(/in 1 attempt/);
  });

  test("is one, however many ask for it at once", async () => {
    const server = await labServer();
    const connection = lazy(server.wsUrl);
    const all = await Promise.all(Array.from({ length: 5 }, () => connection.get()));
    expect(new Set(all).size).toBe(1);
    expect(await server.connections("sluice")).toBe(1);
  });
});
