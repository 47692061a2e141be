// The stream of dead letters is away when a message's last delivery ends, and comes back later: its dead letter arrives, once.
import { describe, expect, test } from "vitest";
import { type DrainOptions, defineDrain, type Message, type Report } from "../../src/index.ts";
import { type Bed, scenarioServer } from "./bed.ts";

const given = scenarioServer();
const ADMIN = { user: "admin", password: "admin-pw" };

interface Place extends Bed {
  readonly dead: string;
  readonly createDead: () => Promise<void>;
  /** Drains as a user that may publish to the stream. */
  readonly drainFreely: (options: object, limitMs?: number) => Promise<Report>;
}

async function place(count: number, consumer: object, config: Record<string, unknown> = {}): Promise<Place> {
  const bed = await given(count, { ...consumer }, config);
  const { server, stream } = bed;
  const dead = `DEAD-${stream}`;
  const createDead = async (): Promise<void> =>
    void (await server.createStream(dead, { subjects: [`dlq.${stream}`] }));
  await createDead();
  const drainFreely = (options: object, limitMs = 3_000): Promise<Report> =>
    defineDrain({
      servers: server.wsUrl,
      auth: ADMIN,
      stream,
      consumer: "worker",
      maxWaitMs: 200,
      // Copies and their PubAcks come in this slice, also on a machine that stands still for a while.
      settleTimeoutMs: 1_200,
      deadLetter: { subject: `dlq.${stream}` },
      retryDelay: () => 20,
      ...options,
    } as unknown as DrainOptions).run({ limitMs });
  return { ...bed, dead, createDead, drainFreely };
}

/** A handler that always fails, and deletes the stream of dead letters at the given delivery. */
function failing({ server, dead }: Place, last: number) {
  const calls: string[] = [];
  const fail = async ({ sequence, deliveryCount }: Message): Promise<never> => {
    calls.push(`${sequence}/${deliveryCount}`);
    if (deliveryCount === last) await server.deleteStream(dead);
    throw new Error("no");
  };
  return { calls, fail };
}

async function drainUntilGone(bed: Place, options: object): Promise<Report[]> {
  const reports: Report[] = [];
  while ((await bed.left()) > 0 && reports.length < 12) reports.push(await bed.drainFreely(options));
  return reports;
}

const codes = ({ findings }: Report): string[] => findings.map(({ code }) => code);

describe.concurrent("a dead letter that cannot be published during the last delivery", () => {
  test.for([
    { retention: "limits", maxDeliver: 1 },
    { retention: "limits", maxDeliver: 3 },
    { retention: "workqueue", maxDeliver: 2 },
    { retention: "interest", maxDeliver: 1 },
  ])("arrives once its stream is back: $retention, max deliver $maxDeliver", async (life) => {
    const { retention, maxDeliver } = life;
    const bed = await place(1, { max_deliver: maxDeliver }, { retention });
    const { calls, fail } = failing(bed, maxDeliver);
    const options = { handler: fail, deadLetter: { subject: `dlq.${bed.stream}`, maxDeliveries: 5 } };
    let report = await bed.drainFreely(options);
    while (calls.length < maxDeliver) report = await bed.drainFreely(options);
    expect(report).toMatchObject({ exhausted: 0, unconfirmed: 0, deadLettered: 0 });
    expect(codes(report)).toEqual(expect.arrayContaining(["dead-letter-failed", "dead-letter-copied"]));
    // While it is away the message waits, however many drains there are.
    for (let run = 0; run < 2; run += 1)
      expect(await bed.drainFreely(options)).toMatchObject({ deadLettered: 0, exhausted: 0 });
    await bed.createDead();
    const reports = await drainUntilGone(bed, options);
    expect(reports.reduce((sum, { deadLettered }) => sum + deadLettered, 0)).toBe(1);
    const letters = await bed.server.messages(bed.dead);
    expect(letters).toMatchObject([
      {
        data: "message 1",
        headers: {
          "Sluice-Subject": `${bed.stream}.event`,
          "Sluice-Sequence": "1",
          "Sluice-Deliveries": String(maxDeliver),
          "Sluice-Reason": `failed at delivery ${maxDeliver}`,
        },
      },
    ]);
    expect(Object.keys(letters[0]?.headers ?? {})).not.toContain("Sluice-Copy");
    // No handler saw it again after its last delivery.
    expect(calls).toHaveLength(maxDeliver);
    if (retention !== "limits") expect((await bed.server.streamState(bed.stream)).messages).toBe(0);
  });

  test("arrives of every message of a batch handler, and of one that no handler saw", async () => {
    const bed = await place(5, { max_deliver: 1 }, { retention: "workqueue" });
    let calls = 0;
    const batchHandler = async (): Promise<never> => {
      calls += 1;
      await bed.server.deleteStream(bed.dead);
      throw new Error("no");
    };
    expect(await bed.drainFreely({ batchHandler })).toMatchObject({ fetched: 5, retried: 5, exhausted: 0 });
    await bed.createDead();
    await drainUntilGone(bed, { batchHandler });
    const letters = await bed.server.messages(bed.dead);
    expect(letters.map(({ data }) => data).sort()).toEqual([1, 2, 3, 4, 5].map((n) => `message ${n}`));
    expect(calls).toBe(1);
    expect((await bed.server.streamState(bed.stream)).messages).toBe(0);
  });

  test("keeps the message's own headers, and is a message like any other to other consumers", async () => {
    const bed = await place(0, { max_deliver: 1 });
    const { server, stream } = bed;
    await server.createConsumer(stream, "other", { max_deliver: 1 });
    await server.publishRaw({
      subject: `${stream}.event`,
      block: "NATS/1.0\r\nTrace: a\r\nNats-Msg-Id: own\r\n\r\n",
      body: "body",
    });
    const { fail } = failing(bed, 1);
    await bed.drainFreely({ handler: fail });
    await bed.createDead();
    await drainUntilGone(bed, { handler: fail });
    const [letter] = await server.messages(bed.dead);
    expect(letter).toMatchObject({ data: "body", headers: { Trace: "a" } });
    const seen: string[] = [];
    const handler = (message: Message): void => void seen.push(message.text());
    await bed.drainFreely({ handler, consumer: "other" });
    expect(seen).toEqual(["body", "body"]);
  });

  test("stays exhausted where the user may not publish to the stream, or the stream takes nothing more", async () => {
    const denied = await place(1, { max_deliver: 1 });
    const user = { user: "drain", password: "drain-pw" };
    const { fail } = failing(denied, 1);
    const report = await denied.drainFreely({ handler: fail, auth: user });
    expect(report).toMatchObject({ outcome: "completed", exhausted: 1, retried: 0 });
    expect(codes(report)).toContain("deliveries-exhausted");

    const full = await place(1, { max_deliver: 1 }, { max_msgs: 1, discard: "new" });
    const { fail: again } = failing(full, 1);
    expect(await full.drainFreely({ handler: again })).toMatchObject({ exhausted: 1, retried: 0 });
    expect((await full.server.streamState(full.stream)).messages).toBe(1);
  });

  test("never writes an old value over the latest of a key-value bucket", async () => {
    const bed = await place(
      0,
      { max_deliver: 1 },
      { subjects: ["$KV.b-reserve.>"], max_msgs_per_subject: 5 },
    );
    await bed.server.publish("$KV.b-reserve.a", 2, ["old", "new"]);
    await bed.server.publish("$KV.b-reserve.b", 1, ["only"]);
    const batchHandler = async (): Promise<never> => {
      await bed.server.deleteStream(bed.dead);
      throw new Error("no");
    };
    expect(await bed.drainFreely({ batchHandler })).toMatchObject({ fetched: 3, retried: 2, exhausted: 1 });
    const bodies = (await bed.server.messages(bed.stream)).map(({ data }) => data);
    expect(bodies).toEqual(expect.arrayContaining(["new", "only"]));
    expect(bodies.filter((body) => body === "old")).toHaveLength(1);
  });

  test("a header that claims to be such a copy costs its own message a handler, and nothing else", async () => {
    const bed = await place(0, { max_deliver: 3 });
    const { server, stream } = bed;
    const forged = (copy: string, more = ""): string =>
      `NATS/1.0\r\nSluice-Stream: ${stream}\r\nSluice-Consumer: worker\r\nSluice-Copy: ${copy}\r\n${more}\r\n`;
    const lies =
      "Sluice-Subject: $JS.API.X\r\nSluice-Sequence: 77\r\nSluice-Deliveries: 1e9\r\nSluice-Reason: x\r\n";
    const subject = `${stream}.event`;
    await server.publishRaw(
      { subject, block: forged("1", lies), body: "forged" },
      { subject, block: forged("-1"), body: "no number" },
      { subject, block: forged("1000000"), body: "too many" },
      { subject, block: "NATS/1.0\r\nSluice-Copy: 1\r\n\r\n", body: "no consumer" },
    );
    const seen: string[] = [];
    const report = await bed.drainFreely({ handler: (message: Message) => void seen.push(message.text()) });
    expect(seen).toEqual(["no number", "too many", "no consumer"]);
    expect(report).toMatchObject({ acked: 3, deadLettered: 1 });
    const [letter] = await server.messages(bed.dead);
    expect(letter?.headers).toMatchObject({
      "Sluice-Subject": subject,
      "Sluice-Stream": stream,
      "Sluice-Sequence": "1",
      "Sluice-Deliveries": "1",
    });
  });
});
