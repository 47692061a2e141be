// Handlers, hooks and schemas that throw, return or reject odd things: each message is settled, nothing escapes the drain,
// and the next message is handled. The kinds are from bbc/sqs-consumer #78 and #84, runmq/queue #21 and #33,
// cody-greene/node-rabbitmq-client #24 and cloudamqp/amqp-client.js #233.
import { afterEach, beforeEach, expect, test } from "vitest";
import { ack, type Message, RejectError, reject, retry } from "../../src/index.ts";
import { scenarioServer, sum } from "./bed.ts";

const given = scenarioServer();
const unhandled: unknown[] = [];
const onUnhandled = (error: unknown): void => void unhandled.push(error);

beforeEach(() => {
  unhandled.length = 0;
  process.on("unhandledRejection", onUnhandled);
});
afterEach(() => {
  process.off("unhandledRejection", onUnhandled);
});

const trap = (): never => {
  throw new Error("trap");
};
const getter = (name: string, on: object = {}): object => Object.defineProperty(on, name, { get: trap });
const thenable = (then: unknown, on: object = {}): object =>
  Object.defineProperty(on, String("then"), { value: then });
const allTraps = (target: object): object =>
  new Proxy(target, { get: trap, has: trap, getPrototypeOf: trap, ownKeys: trap });

const fails = (messages: readonly Message[]): Promise<unknown> =>
  Promise.allSettled(messages.map(async ({ sequence }) => (sequence === 1 ? trap() : undefined)));

test.each<[what: string, thrown: unknown]>([
  ["undefined", undefined],
  ["null", null],
  ["a string", "no"],
  ["a symbol", Symbol("no")],
  ["a frozen object", Object.freeze({ message: "no" })],
  ["an error with a hostile code", getter("code", new Error("no"))],
  ["an error with a hostile name", getter("name", new Error("no"))],
  ["an error whose name is a symbol", Object.assign(new Error("no"), { name: Symbol("no") })],
  ["an object without a prototype", Object.create(null)],
  ["a proxy that throws at any touch", allTraps(new Error("no"))],
])("a handler that throws %s: the message is retried, and the next one is handled", async (_, thrown) => {
  for (const isAsync of [false, true]) {
    const { drain } = await given(2);
    const handler = ({ sequence }: Message): unknown => {
      if (sequence === 2) return undefined;
      if (isAsync) return Promise.reject(thrown);
      throw thrown;
    };
    const report = await drain({ handler: handler as never, retryDelay: () => 60_000 });
    expect(report).toMatchObject({ outcome: "completed", fetched: 2, acked: 1, retried: 1 });
    expect(report.timings.totalMs).toBeLessThan(3_000);
  }
  expect(unhandled).toEqual([]);
});

test.each<[what: string, make: () => unknown, as: "acked" | "retried"]>([
  ["a thenable whose then throws", () => thenable(trap), "retried"],
  ["a thenable whose then getter throws", () => getter("then"), "retried"],
  [
    "a thenable that answers twice",
    () => thenable((done: (value: unknown) => void) => [done(undefined), done(retry())]),
    "acked",
  ],
  ["a thenable of an ack", () => thenable((done: (value: unknown) => void) => done(ack())), "acked"],
  ["a proxy that throws at any touch", () => allTraps({}), "retried"],
  ["an object whose status getter throws", () => getter("status", { headers: new Headers() }), "retried"],
  [
    "a callable thenable",
    () =>
      thenable(
        (done: () => void) => done(),
        () => {},
      ),
    "acked",
  ],
  [
    "a foreign Response whose body is a Node stream",
    () => ({ status: 503, headers: new Headers(), body: { pipe() {}, destroy() {} } }),
    "retried",
  ],
  [
    "a foreign Response whose body throws at cancel",
    () => ({ status: 200, headers: new Headers(), body: { cancel: trap } }),
    "acked",
  ],
  [
    "a foreign Response whose cancel returns nothing",
    () => ({ status: 200, headers: new Headers(), body: { cancel() {} } }),
    "acked",
  ],
  ["a foreign Response whose headers throw", () => ({ status: 503, headers: { get: trap } }), "retried"],
])(
  "a handler that returns %s: settled for what it says, and the next one is handled",
  async (_, make, as) => {
    for (const isAsync of [false, true]) {
      const { drain } = await given(2);
      const handler = ({ sequence }: Message): unknown => {
        if (sequence === 2) return undefined;
        return isAsync ? Promise.resolve().then(make) : make();
      };
      const report = await drain({ handler: handler as never, retryDelay: () => 60_000 });
      expect(report).toMatchObject({ outcome: "completed", fetched: 2, acked: as === "acked" ? 2 : 1 });
      expect(report.retried).toBe(as === "acked" ? 0 : 1);
      expect(report.timings.totalMs).toBeLessThan(3_000);
    }
    expect(unhandled).toEqual([]);
  },
);

/** A settlement that no function here made, as that of another copy. */
const branded = (given: object): object => ({ ...ack(), ...given });

test.each<[what: string, make: () => unknown]>([
  ["a proxy of one that throws at any touch", () => new Proxy(reject("no"), { get: trap })],
  ["a proxy that says it has everything", () => new Proxy({}, { has: () => true })],
  ["one whose kind getter throws", () => getter("kind", { ...ack(), kind: 0 })],
  ["one whose reason getter throws", () => getter("reason", { ...reject("no"), reason: 0 })],
  ["one of an unknown kind", () => branded({ kind: "later" })],
  ["one of a kind within the drain", () => branded({ kind: "release", waitMs: "soon" })],
  ["a retry after a text", () => branded({ kind: "retry", delayMs: "1" })],
  ["a retry after a bigint", () => branded({ kind: "retry", delayMs: 1n })],
  ["a retry after what throws as a number", () => branded({ kind: "retry", delayMs: { valueOf: trap } })],
  ["a retry after less than nothing", () => branded({ kind: "retry", delayMs: -5 })],
])("a settlement that is none (%s) retries its message, after the drain's own delay", async (_, make) => {
  const { drain, left } = await given(4);
  const handler = ({ sequence }: Message): unknown =>
    [make, async () => make(), () => undefined][sequence % 3]?.();
  const options = { retryDelay: () => 60_000 };
  const report = await drain({ ...options, handler: handler as never, batch: 3 });
  expect(report).toMatchObject({ reason: "batch-full", fetched: 3, acked: 1, retried: 2 });
  const whole = await drain({ ...options, batchHandler: (() => [make()]) as never });
  expect(whole).toMatchObject({ outcome: "completed", fetched: 1, retried: 1 });
  expect([await left(), unhandled]).toEqual([3, []]);
});

test.each<[what: string, reason: unknown, told: string]>([
  ["an Error", new Error("no good"), "no good"],
  ["nothing", undefined, "no reason given"],
  ["null", null, "no reason given"],
  ["a symbol", Symbol("no"), "Symbol(no)"],
  ["a number", 5, "5"],
  ["an object that throws as text", { toString: trap }, "object"],
  ["an Error whose message throws", getter("message", new Error("no")), "object"],
])("a message that is rejected for %s is a dead letter that says so", async (_, reason, told) => {
  const { server, stream, drain } = await given(3);
  await server.createStream(`${stream}DLQ`, { subjects: [`dlq.${stream}`] });
  const options = { deadLetter: { subject: `dlq.${stream}` } };
  const refuse = ({ sequence }: Message): unknown => {
    if (sequence === 1) throw Object.assign(new RejectError("no"), { message: reason });
    return reject(reason as never);
  };
  const report = await drain({ ...options, handler: refuse as never, batch: 2 });
  expect(report).toMatchObject({ fetched: 2, deadLettered: 2, deadLetters: [{ reason: told, count: 2 }] });
  const whole = await drain({ ...options, batchHandler: (() => [reject(reason as never)]) as never });
  expect(whole).toMatchObject({ outcome: "completed", deadLettered: 1 });
  const letters = await server.messages(`${stream}DLQ`);
  expect(letters.map(({ headers }) => headers["Sluice-Reason"])).toEqual([told, told, told]);
  expect(unhandled).toEqual([]);
});

test("a thenable that never settles is cut when the budget ends, and its message comes again", async () => {
  const { drain, left } = await given(2);
  const handler = (({ sequence }: Message) => (sequence === 1 ? thenable(() => {}) : undefined)) as never;
  const report = await drain({ handler, concurrency: 2 }, 1_200);
  expect(report).toMatchObject({ reason: "deadline", acked: 1, retried: 1 });
  expect(await left()).toBe(1);
});

test.each<[what: string, result: () => unknown]>([
  ["one Response for all", () => new Response("", { status: 503 })],
  ["one settlement for all", () => retry({ delayMs: 60_000 })],
  ["hostile entries", () => [getter("status", { headers: {} }), allTraps({})]],
  ["a then getter that throws", () => getter("then")],
])("a batch handler that returns %s: no message is acked for it", async (_, result) => {
  const { drain } = await given(2);
  const report = await drain({ batchHandler: (() => result()) as never, retryDelay: () => 60_000 });
  expect(report).toMatchObject({ outcome: "completed", fetched: 2, acked: 0, retried: 2 });
  expect(unhandled).toEqual([]);
});

// Promise.allSettled over the messages; and what Lambda's handlers return (floci-io/floci #3152).
test.each<[what: string, result: (messages: readonly Message[]) => unknown, acked: number, finding: boolean]>(
  [
    ["what Promise.allSettled gives", fails, 1, true],
    ["a settlement from Promise.allSettled", (all) => Promise.allSettled(all.map(() => retry())), 0, false],
    ["an Error for the one that failed", () => [new Error("no"), undefined], 1, true],
    [
      "Lambda's list of failures",
      ([first]) => ({ batchItemFailures: [{ itemIdentifier: first?.id }] }),
      0,
      true,
    ],
    ["Lambda's list without a failure", () => ({ batchItemFailures: [] }), 2, false],
  ],
)("a batch handler that returns %s: what failed is retried", async (_, result, acked, finding) => {
  const { drain } = await given(2);
  const report = await drain({ batchHandler: result as never, retryDelay: () => 60_000 });
  expect(report).toMatchObject({ outcome: "completed", fetched: 2, acked, retried: 2 - acked });
  expect(report.findings.some(({ code }) => code === "handler-failed")).toBe(finding);
});

test("a handler that returns an Error has failed", async () => {
  const { drain } = await given(2);
  const handler = ({ sequence }: Message) => (sequence === 1 ? new Error("no") : undefined);
  const report = await drain({ handler: handler as never, retryDelay: () => 60_000 });
  expect(report).toMatchObject({ fetched: 2, acked: 1, retried: 1 });
});

test("a batch of which no message can be read calls no batch handler", async () => {
  // aws-powertools/powertools-lambda-python #169: the batch that was left was empty.
  const { drain } = await given(2);
  let calls = 0;
  const batchHandler = (): void => {
    calls += 1;
  };
  const report = await drain({ codec: "json", batchHandler } as never);
  expect({ calls, ...report }).toMatchObject({ calls: 0, fetched: 2, rejected: 2 });
});

test("an async onError that rejects harms nothing", async () => {
  const { drain } = await given(2);
  const report = await drain({
    handler: trap,
    onError: (async () => trap()) as never,
    retryDelay: () => 60_000,
  });
  expect(report).toMatchObject({ outcome: "completed", retried: 2 });
  expect(unhandled).toEqual([]);
});

test.each<[what: string, retryDelay: () => unknown, finding: boolean]>([
  ["NaN", () => Number.NaN, true],
  ["a negative number", () => -5, false],
  ["a huge number", () => Number.MAX_VALUE, false],
  ["Infinity", () => Number.POSITIVE_INFINITY, true],
  ["a rejected promise", () => Promise.reject(new Error("no")), true],
  ["a symbol", () => Symbol("no"), true],
  ["a bigint", () => 5n, true],
])("a retryDelay that gives %s: the message is retried, and not at once for ever", async (...args) => {
  const [, retryDelay, finding] = args;
  const { drain, left } = await given(1, { max_deliver: 50 });
  let calls = 0;
  const handler = (): never => {
    calls += 1;
    throw new Error("no");
  };
  const report = await drain({ handler, retryDelay: retryDelay as never });
  expect(report.outcome).toBe("completed");
  expect(report.retried).toBe(calls);
  expect(calls).toBeLessThan(20);
  expect(await left()).toBe(1);
  expect(report.findings.some(({ code }) => code === "retry-delay-failed")).toBe(finding);
  expect(unhandled).toEqual([]);
});

test.each<[what: string, validate: () => unknown]>([
  ["rejects", () => Promise.reject(new Error("no"))],
  ["throws", trap],
  ["rejects with undefined", () => Promise.reject(undefined)],
  ["returns nothing", () => undefined],
  ["is a thenable that throws", () => thenable(trap)],
])("a schema that %s: the message is retried, whether one at a time or a batch", async (_, validate) => {
  const schema = { "~standard": { version: 1, vendor: "odd", validate } } as never;
  const options = { codec: "text", schema, retryDelay: () => 60_000 };
  for (const handling of [{ handler: () => {} }, { batchHandler: () => {} }]) {
    const { drain } = await given(2);
    const report = await drain({ ...options, ...handling } as never);
    expect(report).toMatchObject({ outcome: "completed", fetched: 2, acked: 0, retried: 2 });
  }
  expect(unhandled).toEqual([]);
});

test.each<[what: string, orderBy: () => unknown]>([
  ["throws", trap],
  ["returns a symbol", () => Symbol("key")],
  ["returns an object without a prototype", () => Object.create(null)],
  ["returns undefined", () => undefined],
])("an orderBy that %s: every message is settled", async (_, orderBy) => {
  const { drain } = await given(3);
  const report = await drain({ handler: () => {}, orderBy: orderBy as never, retryDelay: () => 60_000 });
  expect(report).toMatchObject({ outcome: "completed", fetched: 3 });
  expect(sum(report)).toBe(3);
  expect(unhandled).toEqual([]);
});
