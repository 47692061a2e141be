// What a consumer is told while a drain has it, and what it is told to leave away, after reports on nats-server and its
// clients: nothing is lost for it, and the report names it.
import { wsconnect } from "@nats-io/nats-core";
import { expect, onTestFinished, test } from "vitest";
import { NANOS_PER_MS } from "../../src/deadline.ts";
import { type Message, type Report, reject } from "../../src/index.ts";
import { blockOf } from "../support/raw-publisher.ts";
import { pause, scenarioServer, sum } from "./bed.ts";

const given = scenarioServer();
const codes = ({ findings }: Report): string[] => findings.map(({ code }) => code);

/** A consumer of a priority group with a pin, beside the bed's own. */
async function pinned(count: number, timeoutMs: number) {
  const bed = await given(0);
  const { server, stream } = bed;
  const isOld = /^2\.(9|10)\./.test(server.version);
  if (!isOld) {
    const group = {
      priority_groups: ["A"],
      priority_policy: "pinned_client",
      priority_timeout: timeoutMs * 1e6,
    };
    await server.createConsumer(stream, "pinned", group as never); // newer than the types
    await server.publish(`${stream}.event`, count);
  }
  const own = { consumer: "pinned", priorityGroup: { group: "A" }, prefetch: 1 };
  return { ...bed, isOld, own };
}

// nats-io/nats-server #5066: a consumer is paused while it is read from.
test("a consumer that is paused under the handlers: what has come is handled, and the rest is not said to be nothing", async ({
  skip,
}) => {
  const { server, stream, drain } = await given(20);
  if (/^2\.(9|10)\./.test(server.version)) skip("pausing came with nats-server 2.11");
  const handler = async ({ sequence }: Message): Promise<void> => {
    if (sequence === 1) await server.pauseConsumer(stream, "worker", Date.now() + 600_000);
    await pause(5);
  };
  const report = await drain({ handler, prefetch: 1 }, 8_000);
  expect(report).toMatchObject({ outcome: "completed", more: true, acked: report.fetched });
  expect(report.fetched + Number(report.pending)).toBe(20);
  expect(report.message).toContain(`paused, and delivers none: ${report.pending} are pending`);
});

// nats-io/nats-server #6093: what another client holds counts against max_ack_pending, and nobody gets a message meanwhile.
test("a drain that waits behind a message of another client goes on when that is acked", async () => {
  const { server, stream, options, drain } = await given(4, { max_ack_pending: 1 });
  const nats = await wsconnect({ servers: options.servers, user: "admin", pass: "admin-pw" });
  onTestFinished(() => nats.close());
  const other = nats.subscribe("other");
  const handler = async ({ sequence }: Message): Promise<void> => {
    if (sequence !== 1) return;
    // It is asked for before the drain asks again, and so comes first.
    const pull = JSON.stringify({ batch: 1, expires: 10_000 * NANOS_PER_MS });
    nats.publish(`$JS.API.CONSUMER.MSG.NEXT.${stream}.worker`, pull, { reply: "other" });
    await expect.poll(async () => (await server.consumerState(stream, "worker")).waiting).toBe(1);
  };
  const draining = drain({ handler, prefetch: 0 }, 8_000);
  for await (const message of other) {
    // Longer than one pull request of a drain waits that has had some.
    await pause(400);
    message.respond("+ACK");
    break;
  }
  expect(await draining).toMatchObject({ outcome: "completed", reason: "empty", acked: 3, pending: 0 });
});

// nats-io/nats.net #1098: a pinned client that loses its pin waits for a heartbeat that does not come.
test("a pin that is taken away under the handlers: the drain asks for another, and handles all", async ({
  skip,
}) => {
  const { server, stream, drain, isOld, own } = await pinned(12, 60_000);
  if (isOld) skip("priority groups came with nats-server 2.11");
  const handler = async ({ sequence }: Message): Promise<void> => {
    if (sequence === 2) await server.unpinConsumer(stream, "pinned", "A");
    await pause(5);
  };
  expect(await drain({ ...own, handler } as never)).toMatchObject({ reason: "empty", acked: 12 });
});

test("a pin that runs out under a long handler: the drain asks for another, and handles all", async ({
  skip,
}) => {
  const { drain, isOld, own } = await pinned(4, 100);
  if (isOld) skip("priority groups came with nats-server 2.11");
  const handler = (): Promise<void> => pause(150);
  expect(await drain({ ...own, prefetch: 0, handler } as never)).toMatchObject({ reason: "empty", acked: 4 });
});

test("a batch handler that loses its pin: each batch is handled", async ({ skip }) => {
  const { server, stream, drain, isOld, own } = await pinned(12, 60_000);
  if (isOld) skip("priority groups came with nats-server 2.11");
  const batchHandler = async (): Promise<void> => server.unpinConsumer(stream, "pinned", "A");
  const report = await drain({ ...own, batchHandler, batch: 4, fetches: 9 } as never);
  expect(report).toMatchObject({ reason: "empty", acked: 12 });
});

// nats-io/nats-server PR #2596: a consumer delivers no bodies, and a dead letter without one is all that is left.
test.each(["all at once", "at the last delivery, where nobody takes it"])(
  "a message without its body becomes a dead letter that points at it, and stays in its work queue: %s",
  async (how) => {
    const isTaken = how === "all at once";
    const config = { retention: "workqueue" };
    const { server, stream, drain } = await given(0, { headers_only: true, max_deliver: 1 }, config);
    const dead = isTaken ? `dlq.${stream}` : "dlq.nobody";
    if (isTaken) await server.createStream(`${stream}-DEAD`, { subjects: [dead] });
    await server.publish(`${stream}.event`, 2, ["body", ""]);
    const report = await drain(
      { handler: () => reject("no"), deadLetter: { subject: dead }, settleTimeoutMs: 400 },
      1_500,
    );
    expect(codes(report)).toContain("headers-only");
    expect(sum(report)).toBe(report.fetched);
    const left = await server.messages(stream);
    expect(left.map(({ data }) => data)).toContain("body");
    if (!isTaken) return;
    expect(report).toMatchObject({ deadLettered: 2 });
    const stubs = (await server.messages(`${stream}-DEAD`)).map(({ headers }) => headers["Sluice-Stub"]);
    // The other one's body is as long as it was.
    expect(stubs.toSorted()).toEqual(["true", undefined]);
  },
);

test("a body that was not delivered is not rejected for what it is not, and is there for its next consumer", async () => {
  const { server, stream, drain } = await given(0, { headers_only: true }, { retention: "workqueue" });
  await server.publish(`${stream}.event`, 2, ["{}"]);
  const report = await drain({ codec: "json", handler: () => {}, retryDelay: () => 60_000 } as never);
  expect(report).toMatchObject({ rejected: 0, retried: 2 });
  expect(codes(report)).toEqual(expect.arrayContaining(["handler-failed", "headers-only"]));
  expect((await server.messages(stream)).map(({ data }) => data)).toEqual(["{}", "{}"]);
});

// numaproj/numaflow #3425: copies of one message are in flight, because its ack wait ended under its handler.
test("an ack wait that is made shorter than the handlers: each message is handled once, and all deliveries are acked", async () => {
  const { server, stream, drain } = await given(10);
  const seen: number[] = [];
  const handler = async ({ sequence }: Message): Promise<void> => {
    seen.push(sequence);
    if (sequence === 1) await server.updateConsumer(stream, "worker", { ack_wait: 100e6 });
    await pause(250);
  };
  const report = await drain({ handler, concurrency: 2 }, 6_000);
  expect(seen.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  expect(report).toMatchObject({ reason: "empty", acked: report.fetched, retried: 0, unconfirmed: 0 });
  const { delivered, ackPending } = await server.consumerState(stream, "worker");
  expect([delivered, ackPending]).toEqual([report.fetched, 0]);
});

// nats-io/nats-server #6711, nats-io/nats.net #786: the marker of a value that is gone is taken for a value.
test("the marker of a value that is gone is handled as one, and not rejected for its body", async () => {
  const { server, stream, drain } = await given(0);
  const subject = `${stream}.key`;
  await server.publishRaw({ subject, block: blockOf("A: b"), body: '{"a":1}' });
  await server.publishRaw({ subject, block: blockOf("KV-Operation: DEL") });
  await server.publishRaw({ subject, block: blockOf("Nats-Marker-Reason: MaxAge") });
  await server.publishRaw({ subject, block: blockOf("A: b") });
  const seen: unknown[] = [];
  const handler = ({ operation, value }: Message<unknown>): void => void seen.push([operation, value]);
  const report = await drain({ codec: "json", handler } as never);
  expect(seen).toEqual([
    ["put", { a: 1 }],
    ["delete", undefined],
    ["expired", undefined],
  ]);
  expect(report).toMatchObject({ fetched: 4, acked: 3, rejected: 1 });
});
