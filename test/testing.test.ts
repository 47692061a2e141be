// What users test handlers with gives the results of a real nats-server: one suite of handlers' tests, run on both.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import {
  type DrainHandlers,
  type DrainSettings,
  defineDrain,
  type Handler,
  RejectError,
  type Report,
  reject,
  retry,
} from "../src/index.ts";
import { type FakeMessage, testDrain } from "../src/testing/index.ts";
import { closeExhibit, type LabServer, openServer } from "./support/lab-client.ts";

/** Options as a case has them: anything but where the messages come from. */
type CaseOptions = Omit<DrainSettings, "servers" | "auth" | "stream" | "consumer"> &
  DrainHandlers<unknown, Uint8Array>;

/** One run, as both worlds see it. */
interface Round {
  readonly report: Report;
  /** In the server's order: `<sequence> <kind>`, and a retry's delay or a dead letter's reason. */
  readonly settled: readonly string[];
  /** The bodies that handlers published. */
  readonly published: readonly string[];
}

/** Runs a drain so many times, each over what the time before left to be delivered again. */
type World = (
  options: CaseOptions,
  bodies: readonly string[],
  rounds: number,
  maxDeliver?: number,
) => Promise<Round[]>;

type HowSettled =
  | { readonly kind: "retry"; readonly delayMs: number }
  | { readonly kind: "dead-letter"; readonly reason: string }
  | { readonly kind: "ack" | "reject" | "release" };

function describeSettlement(sequence: number | string, how: HowSettled): string {
  switch (how.kind) {
    case "retry":
      return `${sequence} retry after ${how.delayMs}`;
    case "dead-letter":
      return `${sequence} dead-letter: ${how.reason}`;
    default:
      return `${sequence} ${how.kind}`;
  }
}

const onFake: World = async (options, bodies, rounds, maxDeliver) => {
  let messages: readonly FakeMessage[] = bodies.map((data) => ({ subject: "S.event", data }));
  const results: Round[] = [];
  while (results.length < rounds) {
    const result = await testDrain(
      { ...options, servers: "", stream: "S", consumer: "c" },
      maxDeliver === undefined ? { messages } : { messages, consumer: { maxDeliver } },
    );
    messages = result.redeliveries;
    const { report, settlements, published } = result;
    results.push({
      report,
      settled: settlements.map((settlement) =>
        describeSettlement(settlement.id.replace("S:", ""), settlement),
      ),
      published: published.map(({ text }) => text),
    });
  }
  return results;
};

let server: LabServer;
let made = 0;
beforeAll(async () => {
  server = await openServer();
});
afterAll(() => closeExhibit(server));

/** Hears what is published to a subject: each call tells what came since the last. */
async function listen(subject: string): Promise<() => ReturnType<LabServer["messages"]>> {
  made += 1;
  const name = `HEARD${made}`;
  // On the subjects of acks the server itself answers, so a stream must not.
  await server.createStream(name, { subjects: [subject], no_ack: subject.startsWith("$JS.") });
  let heard = 0;
  return async () => {
    const { messages } = await server.streamState(name);
    const all = messages === 0 ? [] : await server.messages(name);
    const news = all.slice(heard);
    heard = all.length;
    return news;
  };
}

/** Everything is read from the server: the settlements that it got, the dead letters, and what is left of the consumer. */
const onServer: World = async (options, bodies, rounds, maxDeliver) => {
  made += 1;
  const [stream, consumer] = [`S${made}`, "c"];
  await server.createStream(stream);
  await server.createConsumer(stream, consumer, maxDeliver === undefined ? {} : { max_deliver: maxDeliver });
  await server.publish(`${stream}.event`, bodies.length, bodies);
  const [acks, dead, out] = [
    await listen(`$JS.ACK.${stream}.>`),
    await listen(`dlq.${stream}`),
    await listen(`dlq.${stream}.out`),
  ];
  const deadLetter = options.deadLetter && { ...options.deadLetter, subject: `dlq.${stream}` };
  const results: Round[] = [];
  let left = bodies.length;
  while (results.length < rounds) {
    const started = new Set<number>();
    const drain = defineDrain({
      ...noteStarts(options, (sequence) => started.add(sequence)),
      deadLetter,
      stream,
      consumer,
      servers: server.wsUrl,
      auth: { user: "drain", password: "drain-pw" },
      // All that is left, though its messages come again at different times.
      batch: left,
      fill: true,
      maxWaitMs: 5_000,
    });
    const report = await drain.run({ limitMs: 20_000 });
    const reasons = new Map(
      (await dead()).map(({ headers }) => [headers["Sluice-Sequence"], headers["Sluice-Reason"]]),
    );
    // The last one may come a second time, to be answered.
    const sent = (await acks()).filter(
      ({ subject }, at, all) => at === all.findIndex((each) => each.subject === subject),
    );
    const settlements = sent.map(({ subject, data }) => {
      // $JS.ACK.<stream>.<consumer>.<deliveries>.<stream sequence>.…
      const sequence = subject.split(".")[5] ?? "";
      return { sequence, how: readPayload(data, started.has(Number(sequence)), reasons.get(sequence)) };
    });
    left = settlements.filter(({ how }) => how.kind === "retry" || how.kind === "release").length;
    expect(await server.consumerState(stream, consumer)).toMatchObject({ ackPending: left, pending: 0 });
    results.push({
      report,
      settled: settlements.map(({ sequence, how }) => describeSettlement(sequence, how)),
      published: (await out()).map(({ data }) => data),
    });
  }
  return results;
};

/** The same options; `started` is called with the sequence of each message that a handler gets. */
function noteStarts(options: CaseOptions, started: (sequence: number) => void): CaseOptions {
  const { handler, batchHandler } = options;
  if (handler) {
    const noted: Handler = (message, context) => {
      started(message.sequence);
      return handler(message, context);
    };
    return { ...options, handler: noted };
  }
  const noted: typeof batchHandler = (messages, context) => {
    for (const { sequence } of messages) started(sequence);
    return batchHandler(messages, context);
  };
  return { ...options, batchHandler: noted };
}

/** On the wire a release is a nak as any other: `started` says whether a handler had the message. */
function readPayload(payload: string, started: boolean, reason: string | undefined): HowSettled {
  if (payload === "+ACK") return { kind: "ack" };
  if (payload === "+TERM") return reason === undefined ? { kind: "reject" } : { kind: "dead-letter", reason };
  return started
    ? { kind: "retry", delayMs: JSON.parse(payload.replace("-NAK ", "")).delay / 1e6 }
    : { kind: "release" };
}

/** What each body asks of the handler. */
const obedient: Handler = async (message, { publish }) => {
  const [word, ...rest] = message.text().split(" ");
  switch (word) {
    case "retry":
      return retry({ delayMs: 20 });
    case "throw":
      throw new Error("the database is away");
    case "reject":
      return reject(rest.join(" "));
    case "throw-reject":
      throw new RejectError(rest.join(" "));
    case "publish":
      await publish(`dlq.${message.stream}.out`, rest.join(" "));
      return undefined;
    case "hang":
      return await new Promise<void>(() => {});
    default:
      return undefined;
  }
};

const deadLetter = { subject: "dlq.S" };
const order = z.object({ total: z.number() });

interface Case {
  readonly options: CaseOptions;
  /** The consumer's. @default no limit */
  readonly maxDeliver?: number;
  readonly bodies: readonly string[];
  /** The settlements of each run. */
  readonly rounds: readonly (readonly string[])[];
  readonly published?: readonly string[];
}

const cases: Record<string, Case> = {
  "acks what returns": {
    options: { handler: obedient },
    bodies: ["a", "b"],
    rounds: [["1 ack", "2 ack"]],
  },
  "retries after the delay asked for, and delivers again": {
    options: { handler: (message) => (message.redelivered ? undefined : obedient(message, {} as never)) }, // it publishes nothing
    bodies: ["retry", "a"],
    rounds: [["1 retry after 20", "2 ack"], ["1 ack"]],
  },
  "retries what throws, paced by the delivery count": {
    options: { handler: obedient, retryDelay: (deliveryCount) => deliveryCount * 15 },
    bodies: ["throw"],
    rounds: [["1 retry after 15"], ["1 retry after 30"], ["1 retry after 45"]],
  },
  "rejects, and never delivers again": {
    options: { handler: obedient },
    bodies: ["reject no such customer", "a"],
    rounds: [["1 reject", "2 ack"]],
  },
  "makes what is rejected a dead letter, where there is a subject for them": {
    options: { handler: obedient, deadLetter },
    bodies: ["reject no such customer", "throw-reject not an order"],
    rounds: [["1 dead-letter: no such customer", "2 dead-letter: not an order"]],
  },
  "makes what fails too often a dead letter": {
    options: { handler: obedient, deadLetter: { ...deadLetter, maxDeliveries: 2 }, retryDelay: () => 10 },
    bodies: ["throw", "a"],
    rounds: [["1 retry after 10", "2 ack"], ["1 dead-letter: failed at delivery 2"]],
  },
  "makes the last of the consumer's deliveries a dead letter, below its own number": {
    options: { handler: obedient, deadLetter: { ...deadLetter, maxDeliveries: 5 }, retryDelay: () => 10 },
    maxDeliver: 3,
    bodies: ["throw", "retry", "a"],
    rounds: [
      ["1 retry after 10", "2 retry after 20", "3 ack"],
      ["1 retry after 10", "2 retry after 20"],
      ["1 dead-letter: failed at delivery 3", "2 dead-letter: failed at delivery 3"],
    ],
  },
  "rejects what the schema refuses, with its issues": {
    options: { schema: order, handler: () => {}, deadLetter } as unknown as CaseOptions, // its value is the schema's
    bodies: ['{"total":1}', '{"total":"1"}', "{"],
    rounds: [
      [
        "1 ack",
        "2 dead-letter: invalid value: total: Invalid input: expected number, received string",
        "3 dead-letter: the body is not JSON",
      ],
    ],
  },
  "settles a batch entry by entry": {
    options: {
      batchHandler: (messages) =>
        messages.map((message) => {
          if (message.text() === "b") return retry({ delayMs: 20 });
          return message.text() === "c" ? reject("no") : undefined;
        }),
    },
    bodies: ["a", "b", "c"],
    rounds: [["1 ack", "2 retry after 20", "3 reject"], ["2 retry after 20"]],
  },
  "retries all of a batch whose handler throws": {
    options: {
      batchHandler: () => {
        throw new Error("the database is away");
      },
      retryDelay: () => 10,
    },
    bodies: ["a", "b"],
    rounds: [["1 retry after 10", "2 retry after 10"]],
  },
  "gives back what is behind a retried message of its key": {
    options: {
      handler: (message) => (message.redelivered ? undefined : obedient(message, {} as never)),
      orderBy: (message) => (message.text() === "a" ? "a" : "b"),
      concurrency: 4,
    },
    bodies: ["retry", "a", "b"],
    rounds: [
      ["1 retry after 20", "3 release", "2 ack"],
      ["1 ack", "3 ack"],
    ],
  },
  "retries what runs out of its time": {
    options: { handler: obedient, handlerTimeoutMs: 50, retryDelay: () => 10 },
    bodies: ["hang", "a"],
    rounds: [["1 retry after 10", "2 ack"]],
  },
  "publishes what handlers publish": {
    options: { handler: obedient },
    bodies: ["publish one", "a", "publish two"],
    rounds: [["1 ack", "2 ack", "3 ack"]],
    published: ["one", "two"],
  },
};

describe.each<[string, World]>([
  ["the fake", onFake],
  ["a real nats-server", onServer],
])("a handler's test on %s", (_name, run) => {
  it.each(Object.entries(cases))("%s", async (_what, given) => {
    const { options, bodies, rounds, maxDeliver, published = [] } = given;
    const results = await run(options, bodies, rounds.length, maxDeliver);
    // Side by side, which of two keys is settled first depends on what came in one frame of the server's.
    const ordered = (round: readonly string[]): readonly string[] =>
      options.concurrency ? round.toSorted() : round;
    expect(results.map(({ settled }) => ordered(settled))).toEqual(rounds.map(ordered));
    expect(results.flatMap((round) => round.published)).toEqual(published);
    for (const { report, settled } of results) {
      expect(report.outcome).toBe("completed");
      expect([report.fetched, report.unconfirmed]).toEqual([settled.length, 0]);
    }
  });
});
