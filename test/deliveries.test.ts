// No delivery is spent on a message that no handler sees to its end: on a real server, without any fault, whatever the pace.
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { defineDrain, type Message, type Report } from "../src/index.ts";
import { closeExhibit, type LabServer, openServer } from "./support/lab-client.ts";

let server: LabServer;
let made = 0;

beforeAll(async () => {
  server = await openServer();
});
afterAll(() => closeExhibit(server));

interface Life {
  readonly messages: number;
  readonly concurrency: number;
  readonly limitMs: number;
  readonly maxDeliver: number;
  /** How long the handler of a message takes, by its sequence, repeated. */
  readonly handlerMs: readonly number[];
}

/** Drains until nothing is left, as a scheduler would, and tells what became of the messages. */
async function live({ messages, concurrency, limitMs, maxDeliver, handlerMs }: Life) {
  made += 1;
  const stream = `D${made}`;
  await server.createStream(stream, { storage: "memory" as never }); // the enum's own value, which JSON carries
  await server.createConsumer(stream, "worker", { max_deliver: maxDeliver, ack_wait: 20_000 * 1e6 });
  await server.publish(`${stream}.event`, messages);
  const handled = new Set<number>();
  const cut = new Set<number>();
  let most = 0;
  const handler = async (
    { sequence, deliveryCount }: Message,
    { signal }: { signal: AbortSignal },
  ): Promise<void> => {
    most = Math.max(most, deliveryCount);
    await new Promise((resolve) => setTimeout(resolve, handlerMs[sequence % handlerMs.length] ?? 0));
    if (signal.aborted) cut.add(sequence);
    else handled.add(sequence);
  };
  const drain = defineDrain({
    servers: server.wsUrl,
    auth: { user: "drain", password: "drain-pw" },
    stream,
    consumer: "worker",
    concurrency,
    maxWaitMs: 300,
    handler,
  });
  const reports: Report[] = [];
  for (;;) {
    reports.push(await drain.run({ limitMs }));
    const { pending, ackPending } = await server.consumerState(stream, "worker");
    if (pending + ackPending === 0 || reports.length > 3 * messages) break;
  }
  const sum = (count: "acked" | "exhausted"): number =>
    reports.reduce((total, report) => total + report[count], 0);
  return { handled, cut, most, reports, acked: sum("acked"), exhausted: sum("exhausted") };
}

describe.concurrent("without any fault", () => {
  test("40 messages, handlers of 300 ms, limit 2 s, max deliver 3: all are handled", async () => {
    const life = { messages: 40, concurrency: 1, limitMs: 2_000, maxDeliver: 3, handlerMs: [300] };
    const { handled, acked, exhausted } = await live(life);
    expect([handled.size, acked, exhausted]).toEqual([40, 40, 0]);
  });

  test("max deliver 2, handlers of 1.5 s in a limit of 2 s: none is delivered more than twice, and all are handled", async () => {
    const life = { messages: 4, concurrency: 1, limitMs: 2_000, maxDeliver: 2, handlerMs: [1_500] };
    const { handled, most, exhausted } = await live(life);
    expect([handled.size, exhausted]).toEqual([4, 0]);
    expect(most).toBeLessThanOrEqual(2);
  });

  test("every message is handled within max deliver, whatever the handlers, the concurrency and the limit", async () => {
    const life = fc.record({
      messages: fc.integer({ min: 1, max: 40 }),
      concurrency: fc.integer({ min: 1, max: 16 }),
      limitMs: fc.integer({ min: 900, max: 2_500 }),
      maxDeliver: fc.integer({ min: 1, max: 5 }),
      handlerMs: fc.oneof(
        fc.integer({ min: 0, max: 300 }).map((ms) => [ms]),
        fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 2, maxLength: 6 }),
      ),
    });
    const numRuns = Number(process.env.SLUICE_LIVES ?? 24);
    const lives = fc.sample(life, { numRuns, seed: Number(process.env.SLUICE_SEED ?? Date.now()) });
    const failures: unknown[] = [];
    const next = async (): Promise<void> => {
      for (let one = lives.pop(); one; one = lives.pop()) {
        const { handled, cut, most, exhausted, reports } = await live(one);
        // At max deliver 1 a message under a handler when the budget ends has no other delivery.
        const lost = one.maxDeliver === 1 ? cut.size : 0;
        const fine = handled.size >= one.messages - lost && exhausted <= lost && most <= one.maxDeliver;
        if (!fine)
          failures.push({
            ...one,
            handled: handled.size,
            cut: cut.size,
            most,
            exhausted,
            reports: reports.map(
              (r) => `${r.fetched}/${r.acked}/${r.retried}/${r.released}/${r.exhausted}:${r.reason}`,
            ),
          });
      }
    };
    await Promise.all(Array.from({ length: 8 }, next));
    expect(failures).toEqual([]);
  }, 120_000);
});
