// A dead letter arrives whatever its message is: in the largest form that fits, and never mistaken
// for what another put there.
import { describe, expect, onTestFinished, test } from "vitest";
import type { Connection } from "../src/connection/connection.ts";
import type { DeliveredMessage } from "../src/message/message.ts";
import { type PublishedDeadLetter, publishDeadLetter } from "../src/settle/dead-letter.ts";
import { letterId } from "../src/settle/letter-id.ts";
import { Publisher } from "../src/settle/publish.ts";
import { readStored, type StoredMessage } from "../src/settle/stored.ts";
import { connectAs, inMs, pullOne } from "./support/delivery.ts";
import { type LabServer, labServer } from "./support/lab-client.ts";
import { blockOf, type RawMessage } from "./support/raw-publisher.ts";

const STREAM = "ORDERS";
const DEAD = "DEAD";

interface Place {
  readonly server: LabServer;
  readonly message: DeliveredMessage;
  readonly connection: Connection;
  readonly publish: (as?: Connection) => Promise<PublishedDeadLetter>;
  readonly stored: (sequence: number) => Promise<StoredMessage>;
}

/** A server with one message, delivered. */
async function given(
  raw: Omit<RawMessage, "subject">,
  dead: { readonly max_msg_size?: number } = {},
): Promise<Place> {
  const server = await labServer();
  await server.createStream(STREAM);
  await server.createStream(DEAD, { subjects: ["dlq.>"], ...dead });
  await server.createConsumer(STREAM, "worker", { ack_wait: 500 * 1e6 });
  await server.publishRaw({ subject: `${STREAM}.new`, ...raw });
  const connection = await connectAs("admin", server.wsUrl);
  onTestFinished(() => connection.close());
  const message = await pullOne(connection.nats, STREAM, "worker");
  return {
    server,
    message,
    connection,
    publish: (as = connection) => publishOver(as, message),
    stored: (sequence) => readStored(connection.nats, { stream: DEAD, sequence, domain: undefined }, 2_000),
  };
}

async function publishOver(connection: Connection, message: DeliveredMessage): Promise<PublishedDeadLetter> {
  const publisher = new Publisher(async () => connection);
  return await publishDeadLetter(publisher, "dlq.orders", message, "no good", { by: inMs(5_000) });
}

const text = (bytes: Uint8Array): string => new TextDecoder("latin1").decode(bytes);

describe("a dead letter", () => {
  test("is whole where it fits, byte for byte, also of what is no UTF-8", async () => {
    const body = "body \xff\xfe";
    const { publish, stored } = await given({
      block: blockOf("Trace: a", `Latin1: ${"\xfc".repeat(60_000)}`),
      body,
    });
    expect(await publish()).toEqual({
      form: "whole",
      dropped: [],
      ack: { stream: DEAD, sequence: 1, duplicate: false },
    });
    const { headers, data } = await stored(1);
    expect(text(data)).toBe(text(Uint8Array.from(body, (char) => char.charCodeAt(0))));
    expect(text(headers.encode())).toContain(`\r\nLatin1: ${"ü".repeat(60_000)}\r\n`);
    expect(headers.get("Sluice-Sequence")).toBe("1");
    expect(headers.has("Sluice-Dropped-Headers")).toBe(false);
  });

  test("names the headers that no client can carry", async () => {
    const block = blockOf("Foo Bar: x", "Trace: a", "Gr\xc3\xb6\xc3\x9fe: x", "Bad: a\rb", "Nats-Other: 1");
    const { publish, stored } = await given({ block, body: "body" });
    const dropped = ["Foo%20Bar", "Gr%C3%B6%C3%9Fe", "Bad"];
    expect(await publish()).toMatchObject({ form: "whole", dropped });
    const { headers } = await stored(1);
    expect(headers.get("Trace")).toBe("a");
    expect(headers.get("Sluice-Dropped-Headers")).toBe(dropped.join(", "));
    expect(headers.has("Nats-Other")).toBe(false);
  });

  test("goes without its headers where they are as many as a stream takes", async () => {
    const { publish, stored } = await given({
      block: blockOf("A: b", `Long: ${"x".repeat(65_300)}`),
      body: "body",
    });
    expect(await publish()).toMatchObject({ form: "without-headers", dropped: ["A", "Long"] });
    const { headers, data } = await stored(1);
    expect(text(data)).toBe("body");
    expect(headers.get("Sluice-Dropped-Headers")).toBe("A, Long");
    expect(headers.has("Sluice-Stub")).toBe(false);
  });

  test("is read and published in a moment with thousands of headers", async () => {
    const lines = Array.from({ length: 9_000 }, (_, index) => `${index.toString(36)}:b`);
    const { publish, stored } = await given({ block: blockOf(...lines), body: "body" });
    const start = performance.now();
    const { form, dropped } = await publish();
    expect(performance.now() - start).toBeLessThan(1_000);
    // They are longer as every client writes them, with a space.
    expect(form).toBe("without-headers");
    expect(dropped.at(-1)).toBe("and 8980 more");
    expect((await stored(1)).headers.get("Sluice-Dropped-Headers").length).toBeLessThanOrEqual(1_000);
  });

  test("is a stub that points at its message where the body fills the server's max_payload", async () => {
    const body = "x".repeat(1_048_576);
    const { publish, stored } = await given({ body });
    expect(await publish()).toMatchObject({ form: "stub", dropped: [] });
    const { headers, data } = await stored(1);
    expect(data).toHaveLength(0);
    expect(headers.toRecord()).toMatchObject({
      "Sluice-Stub": ["true"],
      "Sluice-Stream": [STREAM],
      "Sluice-Sequence": ["1"],
      "Sluice-Subject": [`${STREAM}.new`],
    });
  });

  test("is as much as its stream's max_msg_size allows", async () => {
    const { publish } = await given(
      { block: blockOf(`Trace: ${"x".repeat(900)}`), body: "x" },
      { max_msg_size: 1_000 },
    );
    expect(await publish()).toMatchObject({ form: "without-headers" });
  });

  test("is a stub where its stream takes no such body, and fails where not even that fits", async () => {
    const { publish, server } = await given({ body: "x".repeat(2_000) }, { max_msg_size: 1_000 });
    expect(await publish()).toMatchObject({ form: "stub" });
    await server.deleteStream(DEAD);
    await server.createStream(DEAD, { subjects: ["dlq.>"], max_msg_size: 10 });
    await expect(publish()).rejects.toThrow(/max_msg_size/);
  });

  test("has a subject and a reason of one line, and no subject that might be another", async () => {
    const server = await labServer();
    await server.createStream(STREAM);
    await server.createStream(DEAD, { subjects: ["dlq.>"] });
    await server.createConsumer(STREAM, "worker");
    await server.publishRaw({ subject: `${STREAM}.\x1b[31mred`, body: "body" });
    const connection = await connectAs("admin", server.wsUrl);
    onTestFinished(() => connection.close());
    const message = await pullOne(connection.nats, STREAM, "worker");
    await publishOver(connection, message);
    const [dead] = await server.messages(DEAD);
    expect(dead?.headers["Sluice-Subject"]).toBe(`${STREAM}. [31mred (not as it is)`);
  });
});

describe("a duplicate", () => {
  test("of a dead letter that is there is none, where the stream may be read", async () => {
    const { publish, server } = await given({ block: blockOf("Trace: a"), body: "body" });
    expect((await publish()).ack).toMatchObject({ sequence: 1, duplicate: false });
    expect((await publish()).ack).toMatchObject({ sequence: 1, duplicate: true });
    expect(await server.messages(DEAD)).toHaveLength(1);
  });

  test("is believed where the stream may not be read, but not at a message's first delivery", async () => {
    const { publish, server, message, connection } = await given({ body: "body" });
    const drain = await connectAs("drain", server.wsUrl);
    onTestFinished(() => drain.close());
    const id = await letterId(message, {});
    await server.publishRaw({ subject: "dlq.orders", block: blockOf(`Nats-Msg-Id: ${id}`), body: "junk" });
    expect((await publish(drain)).ack).toMatchObject({ sequence: 2, duplicate: false });

    // After its ack wait it comes again.
    const again = await pullOne(connection.nats, STREAM, "worker");
    expect(again.deliveryCount).toBe(2);
    expect((await publishOver(drain, again)).ack).toMatchObject({ sequence: 1, duplicate: true });
  });

  test("that is not ours is junk: the dead letter goes there all the same", async () => {
    const { publish, server, message } = await given({ body: "body" });
    const id = await letterId(message, {});
    await server.publishRaw({ subject: "dlq.orders", block: blockOf(`Nats-Msg-Id: ${id}`), body: "junk" });
    expect((await publish()).ack).toMatchObject({ sequence: 2, duplicate: false });
    const bodies = (await server.messages(DEAD)).map(({ data }) => data);
    expect(bodies).toEqual(["junk", "body"]);
  });

  test("under another subject of the stream is none: whoever reads dead letters would not find it", async () => {
    const { publish, message, connection, stored } = await given({ body: "body" });
    const publisher = new Publisher(async () => connection);
    await publishDeadLetter(publisher, "dlq.elsewhere", message, "no good", { by: inMs(5_000) });
    expect((await publish()).ack).toMatchObject({ sequence: 2, duplicate: false });
    expect([(await stored(1)).subject, (await stored(2)).subject]).toEqual(["dlq.elsewhere", "dlq.orders"]);
  });

  test("cannot be made by who lacks the seed, the consumer's info or the message's time", async () => {
    const { server, message, connection } = await given({ body: "body" });
    const drain = await connectAs("drain", server.wsUrl);
    onTestFinished(() => drain.close());
    const publisher = new Publisher(async () => drain);
    const key = { seed: "SUAKEY", created: "2026-11-30T16:55:36.309123456Z" };
    const publish = (of: DeliveredMessage) =>
      publishDeadLetter(publisher, "dlq.orders", of, "no good", { by: inMs(5_000), key });
    const ms = message.timestamp.getTime();
    const guessed = [
      `sluice:worker:${STREAM}:1`,
      ...[ms, `${ms}000000`, message.timestampNanos].map((time) => `sluice:worker:${STREAM}:1:${time}`),
      await letterId(message, {}),
      await letterId(message, { seed: key.seed }),
      await letterId(message, { created: key.created }),
      await letterId(message, { ...key, created: "2026-11-30T16:55:36.309123457Z" }),
    ];
    for (const id of guessed)
      await server.publishRaw({ subject: "dlq.orders", block: blockOf(`Nats-Msg-Id: ${id}`), body: "junk" });
    expect(new Set(guessed).size).toBe(guessed.length);
    expect((await publish(message)).ack).toMatchObject({ sequence: guessed.length + 1, duplicate: false });
    // Of the next drain, which has the message again, it is a duplicate.
    const again = await pullOne(connection.nats, STREAM, "worker");
    expect((await publish(again)).ack).toMatchObject({ sequence: guessed.length + 1, duplicate: true });
  });

  test("of a dead letter that was deleted since is published again", async () => {
    const { publish, server, connection } = await given({ body: "body" });
    await publish();
    await connection.nats.request(`$JS.API.STREAM.PURGE.${DEAD}`);
    expect((await publish()).ack).toMatchObject({ sequence: 2, duplicate: false });
    expect(await server.messages(DEAD)).toHaveLength(1);
  });
});
