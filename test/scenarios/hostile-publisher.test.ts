// Whoever may publish one message: what it writes stops no drain and loses nobody's message, whatever the consumer is.
import { expect, test } from "vitest";
import { type Message, type Report, reject, retry } from "../../src/index.ts";
import { blockOf } from "../support/raw-publisher.ts";
import { scenarioServer, total } from "./bed.ts";

const given = scenarioServer();

/** Takes what is honest. */
const handler = (message: Message<unknown>) => (message.text() === "honest" ? undefined : reject("no good"));

test.for<[policy: string, group: { readonly priority?: number }]>([
  ["overflow", {}],
  ["prioritized", { priority: 1 }],
  ["pinned_client", {}],
])(
  "a pin that a message says it has stops no drain of a priority group: %s",
  async ([policy, group], { skip }) => {
    const { server, stream, drain } = await given(0);
    if (/^2\.(9|10)\./.test(server.version)) skip("priority groups came with nats-server 2.11");
    const config = { priority_groups: ["A"], priority_policy: policy, priority_timeout: 60e9 };
    await server.createConsumer(stream, "grouped", config as never); // newer than the types
    await server.publishRaw({ subject: `${stream}.event`, block: blockOf("Nats-Pin-Id: forged"), count: 6 });
    const own = { consumer: "grouped", priorityGroup: { group: "A", ...group }, batch: 6, prefetch: 1 };
    // Slower than the next pull, which would name the pin.
    const slow = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));
    const report = await drain({ ...own, handler: slow } as never, 10_000);
    expect(report).toMatchObject({ outcome: "completed", acked: 6 });
  },
);

test.each<[what: string, block: string]>([
  ["no line end", "NATS/1.0\r\nTrace: a"],
  ["line feeds alone", "NATS/1.0\nTrace: a\n\n"],
  ["another version", "NATS/9.9\r\nTrace: a\r\n\r\n"],
  ["no version", "Trace: a\r\n\r\n"],
  ["nothing but line ends", "\r\n\r\n\r\n\r\n"],
  ["empty names", blockOf(": a", ":", "::", " : b")],
  ["zeros and escapes", blockOf("Tr\0ace: a", "Trace: \x1b[2J\0", "\x7f: b")],
  ["a line of 60 KB", blockOf("x".repeat(60_000))],
  ["a line that goes on in the next", blockOf("Trace: a", " b", "\tc")],
  ["names of this drain's own", blockOf("Sluice-Reason: forged", "Sluice-Sequence: 0", "Sluice-Stub: true")],
])("headers of %s are read, and their message is dead-lettered", async (_, block) => {
  const { server, stream, drain } = await given(0, { max_deliver: 3 });
  await server.createStream(`${stream}DLQ`, { subjects: [`dlq.${stream}`] });
  await server.publishRaw({ subject: `${stream}.event`, block, body: "body" });
  await server.publish(`${stream}.event`, 1, ["honest"]);
  const read: string[] = [];
  const reading = (message: Message<unknown>) => {
    read.push(...[...message.headers].flat(2), ...message.headers.dropped);
    return handler(message);
  };
  const report = await drain({ handler: reading, deadLetter: { subject: `dlq.${stream}` } }, 10_000);
  expect(report).toMatchObject({ outcome: "completed", fetched: 2, acked: 1, deadLettered: 1 });
  const [letter] = await server.messages(`${stream}DLQ`);
  expect(letter).toMatchObject({
    data: "body",
    headers: { "Sluice-Reason": "no good", "Sluice-Sequence": "1" },
  });
  expect(letter?.headers).not.toHaveProperty("Sluice-Stub");
  expect(JSON.stringify(report)).not.toMatch(/\\u00[01]|\\u007f/);
});

test("a message that no dead letter fits is told, stays, and keeps back none behind it", async () => {
  const { server, stream, drain } = await given(0, { max_deliver: 2 }, { retention: "workqueue" });
  await server.createStream(`${stream}DLQ`, { subjects: [`dlq.${stream}`], max_msg_size: 600 });
  // What says where it is alone is larger than that.
  await server.publishRaw({ subject: `${stream}.${"long".repeat(700)}`, body: "hostile" });
  await server.publish(`${stream}.event`, 2, ["honest"]);
  const options = { handler, deadLetter: { subject: `dlq.${stream}` }, retryDelay: () => 20 };
  const reports: Report[] = [];
  for (let run = 0; run < 4; run += 1) reports.push(await drain(options, 10_000));
  expect([total(reports, "acked"), total(reports, "exhausted")]).toEqual([2, 1]);
  expect(total(reports, "deadLettered")).toBe(0);
  const told = reports.flatMap(({ findings }) => findings.map(({ code }) => code));
  expect(told).toEqual(expect.arrayContaining(["dead-letter-failed", "deliveries-exhausted"]));
  expect((await server.streamState(stream)).messages).toBe(1);
});

test("a message whose dead letter fails, while another comes again, comes again too, to its last delivery", async () => {
  const { server, stream, drain } = await given(2, { max_deliver: 3 });
  const counts: number[] = [];
  const report = await drain(
    {
      concurrency: 2,
      until: "limit",
      fetches: 1,
      batch: 4,
      retryDelay: () => 20,
      // No stream takes it: it is under way for a moment.
      deadLetter: { subject: `dlq.${stream}`, maxDeliveries: 3 },
      handler: async ({ sequence, deliveryCount }) => {
        if (sequence === 2 && deliveryCount === 1) return retry({ delayMs: 1 });
        if (sequence === 2) return undefined;
        counts.push(deliveryCount);
        if (deliveryCount < 2) return reject("no good");
        await server.createStream(`${stream}DLQ`, { subjects: [`dlq.${stream}`] });
        return reject("still no good");
      },
    },
    20_000,
  );
  expect(counts).toEqual([1, 2]);
  expect(report).toMatchObject({
    outcome: "completed",
    acked: 1,
    retried: 2,
    deadLettered: 1,
    unconfirmed: 0,
  });
  expect(report.findings.map(({ code }) => code)).not.toContain("ack-wait-ended");
  expect(await server.messages(`${stream}DLQ`)).toMatchObject([{ headers: { "Sluice-Deliveries": "2" } }]);
});

test("where nothing takes a message out of the way, the report names it and what does", async () => {
  const { server, stream, drain } = await given(0, { max_ack_pending: 1 }, { retention: "workqueue" });
  await server.createStream(`${stream}DLQ`, { subjects: [`dlq.${stream}`] });
  await server.publishRaw({ subject: `${stream}.event`, body: "x".repeat(1_048_576) });
  await server.publish(`${stream}.event`, 2, ["honest"]);
  const options = { handler, deadLetter: { subject: `dlq.${stream}` } };
  const first = await drain(options, 10_000);
  expect(first).toMatchObject({ reason: "limit-exceeded", deadLettered: 1, acked: 0 });
  const parked = first.findings.find(({ code }) => code === "dead-letter-parked");
  expect(parked?.message).toMatch(new RegExp(`${stream}:1\\. Set the consumer's max_deliver`));
  expect((await server.streamState(stream)).messages).toBe(3);
});

test("subjects of any bytes are handled, and told without what a terminal would obey", async () => {
  const { server, stream, drain } = await given(0);
  await server.createStream(`${stream}DLQ`, { subjects: [`dlq.${stream}`] });
  const odd = ["\xff\xfe", "a*b", "*", "\x1b[2J", "a\0b", "\xe2\x80\xae", "\xef\xbf\xbd"];
  for (const subject of odd) await server.publishRaw({ subject: `${stream}.${subject}`, body: "hostile" });
  const seen: string[] = [];
  const report = await drain({
    deadLetter: { subject: `dlq.${stream}` },
    handler: ({ subject }) => {
      seen.push(subject);
      return reject(`no such subject: ${subject}`);
    },
  });
  expect(report).toMatchObject({ outcome: "completed", fetched: odd.length, deadLettered: odd.length });
  expect(seen).toContain(`${stream}.\u001b[2J`);
  expect(JSON.stringify(report)).not.toMatch(/\\u00[01]|\u202e/);
  const letters = await server.messages(`${stream}DLQ`);
  // What cannot be said as it is says so.
  expect(letters.map(({ headers }) => headers["Sluice-Subject"])).toContain(`${stream}. [2J (not as it is)`);
});
