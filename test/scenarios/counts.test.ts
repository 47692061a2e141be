// What drains report is what the server has: random lives of a work queue, whose acks and terms take messages out of the
// stream, with every way to handle, to fail, to confirm and to stop.
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { NANOS_PER_MS } from "../../src/deadline.ts";
import { type DrainOptions, defineDrain, type Message, type Report, reject, retry } from "../../src/index.ts";
import { stalledMs } from "../soak/stalls.ts";
import { type Bed, lettersInDoubt, pause, repeats, scenarioServer, sum, total } from "./bed.ts";

const given = scenarioServer();
const RUNS = Number(process.env.SLUICE_LIVES ?? 12);
const LIMIT_MS = 2_500;

const LIFE = fc.record({
  messages: fc.integer({ min: 1, max: 50 }),
  maxDeliver: fc.constantFrom(1, 2, 3, 5),
  maxAckPending: fc.constantFrom(1_000, 1_000, 10, 1),
  /** Longer than a handler, or shorter. */
  ackWaitMs: fc.constantFrom(20_000, 20_000, 400, 150),
  backoffMs: fc.constantFrom(undefined, undefined, [200, 50], [50, 300]),
  how: fc.constantFrom("one", "one", "key", "batch"),
  concurrency: fc.integer({ min: 1, max: 8 }),
  prefetch: fc.integer({ min: 0, max: 9 }),
  batch: fc.integer({ min: 1, max: 40 }),
  fetches: fc.integer({ min: 1, max: 4 }),
  until: fc.constantFrom("empty" as const, "empty" as const, "limit" as const),
  fill: fc.boolean(),
  confirm: fc.constantFrom("server" as const, "leader" as const),
  stopAfterFailures: fc.constantFrom(undefined, 1, 5),
  handlerTimeoutMs: fc.constantFrom(undefined, 60),
  deadLetterAfter: fc.constantFrom(undefined, 1, 3, 9),
  isolatePublisher: fc.boolean(),
  drains: fc.constantFrom(1, 1, 2),
  /** When the caller aborts, drain by drain, repeated. */
  abortMs: fc.array(fc.constantFrom(undefined, undefined, 5, 40, 200), { minLength: 1, maxLength: 4 }),
  /** By sequence and delivery, repeated: how long a handler takes, and what it says then. */
  turns: fc.array(
    fc.record({
      ms: fc.integer({ min: 0, max: 100 }),
      says: fc.constantFrom("ack", "ack", "ack", "throw", "retry", "reject", 503, 404),
    }),
    { minLength: 1, maxLength: 6 },
  ),
});
type Life = typeof LIFE extends fc.Arbitrary<infer T> ? T : never;

function optionsOf(life: Life, deadLetterSubject: string): object {
  const { how, concurrency, prefetch, deadLetterAfter, isolatePublisher, turns, ...own } = life;
  const { messages: _, maxDeliver: __, maxAckPending: ___, drains: ____, abortMs: _____, ...rest } = own;
  const { ackWaitMs: ______, backoffMs: _______, ...options } = rest;
  const handler = async ({ sequence, deliveryCount }: Message) => {
    const { ms, says } = turns[(sequence + deliveryCount) % turns.length] ?? { ms: 0, says: "ack" };
    await pause(ms);
    if (typeof says === "number") return new Response(null, { status: says });
    if (says === "throw") throw new Error("no");
    if (says === "reject") return reject("no");
    return says === "retry" ? retry({ delayMs: 20 }) : undefined;
  };
  const batchHandler = async (messages: readonly Message[]) => {
    const ends = [];
    for (const message of messages) ends.push(await handler(message).catch(() => retry()));
    return ends;
  };
  const orderBy = ({ sequence }: Message): string => String(sequence % 3);
  const deadLetter = { subject: deadLetterSubject, maxDeliveries: deadLetterAfter };
  return {
    ...options,
    ...(how === "batch" ? { batchHandler } : { handler, concurrency, prefetch }),
    ...(how === "key" ? { orderBy } : {}),
    ...(deadLetterAfter === undefined ? {} : { deadLetter, isolatePublisher }),
    retryDelay: () => 15,
    maxWaitMs: 300,
  };
}

function consumerOf(life: Life): Record<string, unknown> {
  const { maxDeliver, maxAckPending, ackWaitMs, backoffMs, drains } = life;
  const own = { max_deliver: maxDeliver, max_ack_pending: maxAckPending };
  // What comes to another drain while it is held, on a machine that stands still, both handle and count.
  if (drains > 1) return { ...own, ack_wait: 20_000 * NANOS_PER_MS };
  // nats-server takes no more steps than deliveries.
  const backoff = maxDeliver > 2 ? backoffMs?.map((ms) => ms * NANOS_PER_MS) : undefined;
  return { ...own, ack_wait: ackWaitMs * NANOS_PER_MS, ...(backoff && { backoff }) };
}

/** Drains until nothing is left, and gives what is wrong with what the reports say of it. */
async function live(life: Life): Promise<string[]> {
  const bed = await given(0, consumerOf(life), { retention: "workqueue" });
  const { server, stream, left } = bed;
  const subject = `dlq.${stream}`;
  await server.createStream(`DEAD-${stream}`, { subjects: [subject] });
  await server.publish(`${stream}.event`, life.messages);
  const options = { ...bed.options, stream, consumer: "worker", ...optionsOf(life, subject) };
  const reports: Report[] = [];
  let late = 0;
  for (let round = 0; round < 40 && (await left()) > 0; round += 1) {
    const abortMs = life.abortMs[round % life.abortMs.length];
    const signal = abortMs === undefined ? undefined : AbortSignal.timeout(abortMs);
    const drain = defineDrain(options as unknown as DrainOptions); // whole by construction
    const one = async (): Promise<Report> => {
      const startedAt = performance.now();
      const report = await drain.run({ limitMs: LIMIT_MS, signal });
      // Its last deadlines are late by as much as this process stood still when they came.
      const allowedMs = LIMIT_MS + 150 + stalledMs(startedAt + LIMIT_MS - 400);
      if (report.timings.totalMs > allowedMs) late += 1;
      return report;
    };
    reports.push(...(await Promise.all(Array.from({ length: life.drains }, one))));
  }
  return await wrong(life, bed, reports, late);
}

async function wrong(
  life: Life,
  { server, stream, left }: Bed,
  reports: Report[],
  late: number,
): Promise<string[]> {
  const { messages: stay } = await server.streamState(stream);
  const { messages: dead } = await server.streamState(`DEAD-${stream}`);
  const gone = life.messages - stay;
  const rejected = reports.reduce((all, report) => all + report.rejected, 0);
  const said = total(reports, "acked") + total(reports, "deadLettered") + rejected;
  const deadLettered = total(reports, "deadLettered");
  // Of a message that comes again while it is held each delivery counts, as it ends.
  const again = reports.reduce((all, report) => all + repeats(report), 0);
  const inDoubt = reports.reduce((all, report) => all + lettersInDoubt(report), 0);
  const [exhausted, unconfirmed] = [total(reports, "exhausted"), total(reports, "unconfirmed")];
  const checks: readonly (readonly [string, boolean])[] = [
    ["a report does not add up", reports.every((report) => sum(report) === report.fetched)],
    ["more is said to be settled than the stream lost", said - again <= gone],
    ["the stream lost more than is told", gone <= said + unconfirmed],
    ["more is said to be exhausted than stayed", exhausted - again <= stay],
    ["what stayed is not told", stay <= exhausted + unconfirmed || (await left()) > 0],
    ["dead letters are fewer than told", dead >= deadLettered - again],
    ["dead letters are more than told", dead <= deadLettered + inDoubt + unconfirmed],
    ["a drain took longer than its limit", late === 0],
  ];
  return checks.filter(([, holds]) => !holds).map(([what]) => what);
}

test("the counts of all reports are what the server has, whatever the handlers, the options and the caller do", async () => {
  const lives = fc.sample(LIFE, { numRuns: RUNS, seed: Number(process.env.SLUICE_SEED ?? Date.now()) });
  const failures: unknown[] = [];
  const next = async (): Promise<void> => {
    for (let one = lives.pop(); one; one = lives.pop()) {
      const found = await live(one);
      if (found.length > 0) failures.push({ found, ...one });
    }
  };
  await Promise.all(Array.from({ length: 8 }, next));
  expect(failures).toEqual([]);
}, 240_000);

test.each([undefined, "limit"] as const)(
  "until %s: pending is what the consumer has at the end, not what the last delivery said of it",
  async (until) => {
    const { server, stream, drain } = await given(2);
    let publishing: Promise<void> | undefined;
    const report = await drain(
      {
        batch: 2,
        ...(until && { until, fetches: 1 }),
        handler: async ({ sequence }) => {
          if (sequence === 2) publishing = server.publish(`${stream}.event`, 3);
          await publishing;
        },
      },
      2_000,
    );
    expect(report).toMatchObject({ fetched: 2, acked: 2, pending: 3, more: true });
  },
);

test("until limit, under a consumer that is paused: pending is the newest, though nothing came", async ({
  skip,
}) => {
  const { server, stream, drain } = await given(2);
  await server.pauseConsumer(stream, "worker", Date.now() + 60_000).catch((error) => skip(String(error)));
  let publishing: Promise<void> | undefined;
  const options = { ...(await given(0)).options, stream, consumer: "worker", until: "limit" } as const;
  const report = await defineDrain({ ...options, handler: () => {} }).run({
    limitMs: 2_000,
    onBacklog: () => {
      publishing = server.publish(`${stream}.event`, 3);
    },
  });
  await publishing;
  expect(report).toMatchObject({ fetched: 0, pending: 5, more: true });
  expect(await drain({ handler: () => {} })).toMatchObject({ fetched: 0, pending: 5 });
});
