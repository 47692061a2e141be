// What an invocation gives its drain, when it is odd: a report or a plain rejection, and never a drain that nobody holds.
// From serverless-adapter reports: "Illegal invocation" of an unbound waitUntil, getRemainingTimeInMillis that lost its this.
import { expect, test } from "vitest";
import { defineDrain } from "../../src/index.ts";
import { scenarioServer } from "./bed.ts";

const given = scenarioServer();

test.each<[what: string, remainingMs: () => unknown]>([
  [
    "throws",
    () => {
      throw new TypeError("Illegal invocation");
    },
  ],
  ["gives NaN", () => Number.NaN],
  ["gives a negative number", () => -1],
  ["gives undefined", () => undefined],
  ["gives a promise", () => Promise.resolve(5_000)],
  ["gives minus infinity", () => Number.NEGATIVE_INFINITY],
])("a remainingMs that %s is an invalid option, and nothing is fetched", async (_, remainingMs) => {
  const { options, stream, left } = await given(2);
  const drain = defineDrain({ ...options, stream, consumer: "worker", handler: () => {} });
  const report = await drain.run({ remainingMs: remainingMs as never });
  expect(report).toMatchObject({ outcome: "fatal", reason: "invalid-options", fetched: 0 });
  expect(await left()).toBe(2);
});

test.each([Number.POSITIVE_INFINITY, Number.MAX_VALUE])(
  "a limit of %d ms drains what is there",
  async (ms) => {
    const { options, stream } = await given(2);
    const drain = defineDrain({ ...options, stream, consumer: "worker", handler: () => {} });
    const report = await drain.run({ remainingMs: () => ms });
    expect(report).toMatchObject({ outcome: "completed", acked: 2 });
  },
);

test.each([
  { limitMs: undefined, remainingMs: () => 4_000 },
  { limitMs: 4_000, remainingMs: undefined },
])("a limit that is left out in favour of the other, as undefined, is none: %o", async (input) => {
  const { options, stream } = await given(2);
  const drain = defineDrain({ ...options, stream, consumer: "worker", handler: () => {} });
  expect(await drain.run(input)).toMatchObject({ outcome: "completed", acked: 2 });
});

test("a waitUntil that throws: the drain runs, and its caller has the report", async () => {
  const { options, stream } = await given(2);
  const drain = defineDrain({ ...options, stream, consumer: "worker", handler: () => {} });
  const waitUntil = (): never => {
    throw new TypeError("Illegal invocation");
  };
  expect(await drain.run({ limitMs: 4_000, waitUntil })).toMatchObject({ outcome: "completed", acked: 2 });
});

test("an options function that rejects or throws: run rejects with that very error, and waitUntil holds no rejection", async () => {
  const error = new Error("no secret store");
  for (const options of [
    () => Promise.reject(error),
    () => Promise.resolve().then(() => Promise.reject(error)),
  ]) {
    const held: Promise<unknown>[] = [];
    const run = defineDrain(options).run({ limitMs: 4_000, waitUntil: (promise) => held.push(promise) });
    await expect(run).rejects.toBe(error);
    await Promise.all(held);
  }
});

test.each<[what: string, options: () => unknown]>([
  ["nothing", () => undefined],
  ["null", async () => null],
  ["a string", () => "options"],
])("an options function that gives %s: invalid-options", async (_, options) => {
  const report = await defineDrain(options as never).run({ limitMs: 4_000 } as never);
  expect(report).toMatchObject({ outcome: "fatal", reason: "invalid-options" });
});

test("a signal that aborts in the handler: what runs is cut, the rest is released, nothing is lost", async () => {
  const { drain, options, stream, left } = await given(5, { max_deliver: 3 });
  const stop = new AbortController();
  const report = await defineDrain({
    ...options,
    stream,
    consumer: "worker",
    handler: async ({ sequence }) => {
      if (sequence === 2) stop.abort(undefined);
      await Promise.resolve();
    },
  }).run({ limitMs: 4_000, signal: stop.signal });
  expect(report).toMatchObject({ outcome: "retryable", reason: "aborted", exhausted: 0 });
  expect(report.acked + (await left())).toBe(5);
  // What was cut is due a moment later: the next drain may end before.
  let { acked } = report;
  for (let run = 0; run < 20 && (await left()) > 0; run += 1)
    acked += (await drain({ handler: () => {} })).acked;
  expect(acked).toBe(5);
});
