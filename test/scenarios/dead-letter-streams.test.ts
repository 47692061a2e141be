// A stream of dead letters that answers with a PubAck and keeps nothing: a message that is termed then is gone.
import { expect, test } from "vitest";
import { reject } from "../../src/index.ts";
import { lettersInDoubt, scenarioServer } from "./bed.ts";

const given = scenarioServer();
const ADMIN = { user: "admin", password: "admin-pw" };

/** Three messages whose handler rejects them, and a stream for their dead letters. */
async function place(config: Record<string, unknown>) {
  const bed = await given(3, { max_deliver: 3 });
  const { server, stream } = bed;
  const dead = `DEAD-${stream}`;
  await server.createStream(dead, { subjects: [`dlq.${stream}`], ...config });
  const drain = (own: object = {}) =>
    bed.drain({
      auth: ADMIN,
      deadLetter: { subject: `dlq.${stream}` },
      retryDelay: () => 20,
      handler: () => reject("no good"),
      ...own,
    } as Parameters<typeof bed.drain>[0]);
  const letters = async (): Promise<string[]> =>
    (await server.messages(dead)).map(({ headers }) => headers["Sluice-Sequence"] ?? "");
  return { ...bed, dead, drain, letters };
}

type Place = Awaited<ReturnType<typeof place>>;

test.each<[what: string, config: Record<string, unknown>, mend: (place: Place) => Promise<unknown>]>([
  [
    "keeps by interest what no consumer asks for",
    { retention: "interest" },
    ({ server, dead }) => server.createConsumer(dead, "keeper"),
  ],
  [
    "is smaller than one of them, and discards what is old",
    { max_bytes: 10, discard: "old" },
    ({ server, dead }) => server.updateStream(dead, { max_bytes: 1_000_000 }),
  ],
])(
  "a stream of dead letters that %s: none counts, and each arrives once it is kept",
  async (_, config, mend) => {
    const it = await place(config);
    // The last delivery is among them: copies wait then.
    for (let run = 0; run < 3; run += 1) {
      const report = await it.drain();
      expect(report).toMatchObject({ deadLettered: 0, exhausted: 0, unconfirmed: 0 });
      const failed = report.findings.find(({ code }) => code === "dead-letter-failed");
      expect(failed?.message).toMatch(/confirmed it, and keeps none/);
    }
    await mend(it);
    let runs = 0;
    let deadLettered = 0;
    for (; (await it.left()) > 0 && runs < 5; runs += 1) deadLettered += (await it.drain()).deadLettered;
    expect(deadLettered).toBe(3);
    expect((await it.letters()).sort()).toEqual(["1", "2", "3"]);
  },
);

test.each<[what: string, config: Record<string, unknown>, consumer: boolean]>([
  ["by limits", {}, false],
  ["as a work queue", { retention: "workqueue" }, false],
  ["by interest, for its consumer", { retention: "interest" }, true],
])("a stream that keeps dead letters %s: all count", async (_, config, consumer) => {
  const { drain, letters, server, dead } = await place(config);
  if (consumer) await server.createConsumer(dead, "keeper");
  expect(await drain()).toMatchObject({ deadLettered: 3, retried: 0, findings: [] });
  expect((await letters()).sort()).toEqual(["1", "2", "3"]);
});

test.each<[what: string, config: Record<string, unknown>, counted: number, maybe: number]>([
  ["is full, and discards what is new", { max_msgs: 1, discard: "new" }, 1, 0],
  ["confirms nothing", { no_ack: true }, 0, 3],
  ["is sealed", { sealed: true }, 0, 0],
])(
  "a stream of dead letters that %s: what counts is stored, what may be is told, and the rest waits",
  async (_, config, counted, maybe) => {
    const { sealed = false, ...made } = config;
    const { drain, left, letters, server, dead } = await place(made);
    if (sealed) await server.updateStream(dead, { sealed: true } as object); // newer than the client's type
    const report = await drain({ concurrency: 3 });
    expect(report).toMatchObject({ deadLettered: counted, exhausted: 0, unconfirmed: 0 });
    expect(report.findings.map(({ code }) => code)).toContain("dead-letter-failed");
    expect(lettersInDoubt(report)).toBe(maybe);
    expect(await letters()).toHaveLength(counted + maybe);
    expect(await left()).toBe(3 - counted);
  },
);

// Found under load: the PubAck of a last delivery's dead letter came when its drain had ended.
test("a last delivery whose dead letter is stored, and never confirmed: exhausted, and told to be one maybe", async () => {
  const bed = await given(3, { max_deliver: 1 });
  const { server, stream } = bed;
  await server.createStream(`DEAD-${stream}`, { subjects: [`dlq.${stream}`], no_ack: true });
  const deadLetter = { subject: `dlq.${stream}` };
  const report = await bed.drain({ deadLetter, concurrency: 3, handler: () => reject("no good") });
  expect(report).toMatchObject({ fetched: 3, deadLettered: 0, exhausted: 3 });
  expect(lettersInDoubt(report)).toBe(3);
  expect(await server.messages(`DEAD-${stream}`)).toHaveLength(3);
});

test("a user that may not ask about the stream of dead letters: they count as they are confirmed", async () => {
  const { drain, letters } = await place({});
  const report = await drain({ auth: { user: "drain", password: "drain-pw" } });
  expect(report).toMatchObject({ reason: "empty", deadLettered: 3 });
  expect(await letters()).toHaveLength(3);
});
