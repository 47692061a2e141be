// Keys and retries: what of a key follows a retry waits for it, is not given away for it, and is handled when it comes.
// aws-powertools/powertools-lambda-java #1140, powertools-lambda-python #1927 and #2981, brefphp/symfony-messenger #67.
import { expect, test } from "vitest";
import { defineDrain, type Message, retry } from "../../src/index.ts";
import { scenarioServer } from "./bed.ts";

const given = scenarioServer();

/** Fails the first delivery of the first message; tells the order of what was handled. */
function failingFirst(): { readonly order: number[]; readonly handler: (message: Message) => unknown } {
  const order: number[] = [];
  const handler = ({ sequence, deliveryCount }: Message): unknown => {
    if (sequence === 1 && deliveryCount === 1) return retry({ delayMs: 150 });
    order.push(sequence);
    return undefined;
  };
  return { order, handler };
}

test("a key's retry comes again within the same drain: all of the key are handled then, in order", async () => {
  const { drain, left } = await given(6, { max_deliver: 4 });
  const { order, handler } = failingFirst();
  const options = {
    handler: handler as never,
    orderBy: () => "key",
    until: "limit",
    concurrency: 4,
  } as const;
  const report = await drain(options, 2_500);
  expect(report).toMatchObject({ acked: 6, exhausted: 0 });
  expect(order).toEqual([1, 2, 3, 4, 5, 6]);
  expect(await left()).toBe(0);
});

test("what waits behind a retry uses up no more than one delivery for it", async () => {
  const { drain } = await given(6, { max_deliver: 4 });
  const counts = new Map<number, number>();
  const { handler } = failingFirst();
  const counting = (message: Message): unknown => {
    counts.set(message.sequence, message.deliveryCount);
    return handler(message);
  };
  await drain({ handler: counting as never, orderBy: () => "key", until: "limit", concurrency: 4 }, 2_500);
  expect([...counts.values()].every((count) => count <= 2)).toBe(true);
});

test("what waits for its key at its last delivery, when the drain is stopped, is a dead letter as what runs is", async () => {
  const { server, stream, options } = await given(6, { max_deliver: 1 });
  await server.createStream(`${stream}DLQ`, { subjects: [`dlq.${stream}`] });
  const stop = new AbortController();
  let come = 0;
  const report = await defineDrain({
    ...options,
    stream,
    consumer: "worker",
    concurrency: 3,
    orderBy: () => {
      come += 1;
      if (come === 3) setTimeout(() => stop.abort());
      return "key";
    },
    handler: () => new Promise<void>(() => {}),
    deadLetter: { subject: `dlq.${stream}` },
  }).run({ limitMs: 30_000, signal: stop.signal });
  expect(report).toMatchObject({ reason: "aborted", fetched: 3, deadLettered: 3, unconfirmed: 0 });
  const letters = await server.messages(`${stream}DLQ`);
  expect(letters.map(({ headers }) => headers["Sluice-Sequence"]).sort()).toEqual(["1", "2", "3"]);
});

test.each([1, 2, 3])("max deliver %d: nothing is given away for the sake of a key's order", async (max) => {
  const { drain, left } = await given(6, { max_deliver: max });
  const handled = new Set<number>();
  let exhausted = 0;
  const handler = ({ sequence }: Message): unknown => {
    if (sequence === 1) throw new Error("always");
    handled.add(sequence);
    return undefined;
  };
  for (let run = 0; run < 12 && (await left()) > 0; run += 1) {
    const options = { handler: handler as never, orderBy: () => "key", retryDelay: () => 20, concurrency: 3 };
    exhausted += (await drain(options)).exhausted;
  }
  expect([handled.size, exhausted, await left()]).toEqual([5, 1, 0]);
});

test.each(["aborted", "failing"])(
  "a drain that starts right after one that was %s finds what that one gave back, in order",
  async (how) => {
    const { options, stream, drain } = await given(20);
    const seen: number[] = [];
    const stop = new AbortController();
    const all = { ...options, stream, consumer: "worker", prefetch: 9, retryDelay: () => 5 };
    const first = await defineDrain({
      ...all,
      ...(how === "failing" ? { stopAfterFailures: 1 } : {}),
      handler: async () => {
        if (how === "failing") throw new Error("no");
        stop.abort();
        await new Promise(() => {});
      },
    }).run({ limitMs: 4_000, signal: stop.signal });
    expect(first).toMatchObject({ outcome: "retryable", fetched: 10, retried: 1, released: 9 });
    expect(await drain({ handler: ({ sequence }) => void seen.push(sequence) })).toMatchObject({ acked: 20 });
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
  },
);

/** Aborts at its first message. */
function cutAtOnce(): { readonly handler: () => Promise<never>; readonly signal: AbortSignal } {
  const stop = new AbortController();
  const handler = async (): Promise<never> => {
    stop.abort();
    return await new Promise<never>(() => {});
  };
  return { handler, signal: stop.signal };
}

// The server appends what is given back to what it has to deliver again: docs/guarantees.md, Order.
test("a drain cut before it took all of an earlier release: its own come after those, in order, before new ones", async () => {
  const { options, stream, drain } = await given(20);
  for (const prefetch of [9, 2]) {
    const { handler, signal } = cutAtOnce();
    const cut = { ...options, stream, consumer: "worker", prefetch, handler };
    const report = await defineDrain(cut).run({ limitMs: 4_000, signal });
    expect(report).toMatchObject({ reason: "aborted", released: prefetch, retried: 1 });
  }
  const seen: number[] = [];
  expect(await drain({ handler: ({ sequence }) => void seen.push(sequence) })).toMatchObject({ acked: 20 });
  const from = (first: number, last: number): number[] =>
    Array.from({ length: last - first + 1 }, (_, index) => first + index);
  expect(seen).toEqual([...from(4, 10), ...from(1, 3), ...from(11, 20)]);
});

// Messages that wait for another of their key hold no handler, and each is a delivery all the same.
test.each([1, 3])("max deliver %d: one slow key is not pulled faster than it is handled", async (max) => {
  const { drain, left } = await given(60, { max_deliver: max });
  const handler = () => new Promise<void>((resolve) => setTimeout(resolve, 100));
  const options = { handler, orderBy: () => "key", concurrency: 4 };
  const first = await drain(options, 1_200);
  expect(first.released + first.exhausted).toBeLessThanOrEqual(4);
  expect(first.acked).toBeGreaterThan(3);
  expect(await left()).toBeGreaterThanOrEqual(60 - first.fetched);
});
