// Round trips: from the open socket to the first message, and to the end of the drain, through a proxy with 50 ms each way.
import { startProxy } from "../support/proxy.ts";
import type { Bench, Measure } from "./bench.ts";
import { countFlights, watchProxy } from "./flights.ts";
import type { Runtime } from "./runtimes.ts";
import { median, round } from "./stats.ts";

interface RoundTripCount {
  readonly firstMessage: number;
  readonly drain: number;
  /** The same by the clock: elapsed time in round trips. */
  readonly elapsed: { readonly firstMessage: number; readonly drain: number };
}

export interface RoundTrips {
  readonly latencyMs: number;
  readonly sluice: RoundTripCount;
  readonly natsjs: RoundTripCount;
  /** The same in workerd. */
  readonly workerd: { readonly sluice: RoundTripCount; readonly natsjs: RoundTripCount };
  /** Drains of Sluice alone, of other sizes. */
  readonly cases: readonly CaseCount[];
}

interface Case {
  readonly messages: number;
  readonly concurrency: number;
  /** Most round trips from the open socket to the end of the drain. */
  readonly most: number;
}

interface CaseCount extends Case {
  readonly runtime: Runtime["name"];
  readonly sluice: RoundTripCount;
}

const LATENCY_MS = 50;
const RUNS = { count: 3, warmUps: 1 };
const MAX_TO_FIRST = 2;
// A drain asks for twice its concurrency first, and is then over in three: sign-in, messages, receipts. What is more takes one
// more, for a second pull request at the pace that the first has shown.
const MAIN: Case = { messages: 10, concurrency: 1, most: 4 };
const OTHERS: readonly Case[] = [
  { messages: 1, concurrency: 1, most: 3 },
  { messages: 2, concurrency: 1, most: 3 },
  { messages: 100, concurrency: 1, most: 4 },
  { messages: 20, concurrency: 10, most: 3 },
];

export const roundTrips: Measure<RoundTrips> = {
  name: "round-trips",
  key: "roundTrips",
  run: async (bench) => {
    const workerd = await bench.workerd();
    const both = async (runtime: Runtime) => ({
      sluice: await count(bench, runtime, "sluice", MAIN),
      natsjs: await count(bench, runtime, "natsjs", MAIN),
    });
    const main = { latencyMs: LATENCY_MS, ...(await both(bench.node)), workerd: await both(workerd) };
    const cases: CaseCount[] = [];
    for (const runtime of [bench.node, workerd]) {
      for (const each of OTHERS)
        cases.push({ ...each, runtime: runtime.name, sluice: await count(bench, runtime, "sluice", each) });
    }
    return { ...main, cases };
  },
  rows: (result) => [
    ...[
      { runtime: "node", ...result },
      { runtime: "workerd", ...result.workerd },
    ].flatMap(({ runtime, sluice, natsjs }) => [
      {
        what: `round trips, ${runtime}, socket open to first message`,
        ...figures(sluice.firstMessage, natsjs.firstMessage),
        target: `${MAX_TO_FIRST}, and fewer`,
        met: sluice.firstMessage <= MAX_TO_FIRST && sluice.firstMessage < natsjs.firstMessage,
      },
      {
        what: `round trips, ${runtime}, socket open to the end of a drain of ${MAIN.messages}`,
        ...figures(sluice.drain, natsjs.drain),
        target: `${MAIN.most}, and fewer`,
        met: sluice.drain <= MAIN.most && sluice.drain < natsjs.drain,
      },
    ]),
    ...result.cases.map(({ runtime, messages, concurrency, most, sluice }) => ({
      what: `round trips, ${runtime}, a drain of ${messages} at concurrency ${concurrency}`,
      sluice: String(sluice.drain),
      peer: "",
      got: String(sluice.drain),
      target: `<= ${most}`,
      met: sluice.drain <= most && sluice.firstMessage <= MAX_TO_FIRST,
    })),
  ],
};

function figures(sluice: number, natsjs: number) {
  return { sluice: String(sluice), peer: String(natsjs), got: `${natsjs - sluice} fewer` };
}

async function count(
  { bed, rounds, log }: Bench,
  runtime: Runtime,
  side: "sluice" | "natsjs",
  { messages, concurrency }: Case,
): Promise<RoundTripCount> {
  const stream = await bed.fill(messages, 128);
  const counts: RoundTripCount[] = [];
  // The first is a warm-up: what is compiled then delays what is sent.
  for (let run = 0; run <= rounds(RUNS).count; run += 1) {
    await using proxy = await startProxy({ target: { host: "127.0.0.1", port: bed.server.ports.ws } });
    proxy.latencyMs = LATENCY_MS;
    const seen = watchProxy(proxy);
    // A full batch: nats.js would wait out its `expires` for a short one, which is another measure's matter.
    const job = { stream, messages, concurrency, batch: messages, maxWaitMs: 5_000, url: proxy.url() };
    const endedAt = await bed.withConsumer(job, async (each) => {
      await runtime.run(side, each);
      return performance.now();
    });
    const { open, firstDelivery, last } = countFlights(seen, LATENCY_MS, endedAt);
    const elapsed = (at: number): number => (at - open.at) / (2 * LATENCY_MS);
    counts.push({
      firstMessage: firstDelivery.roundTrips - open.roundTrips,
      drain: last.roundTrips - open.roundTrips,
      elapsed: { firstMessage: elapsed(firstDelivery.at), drain: elapsed(endedAt) },
    });
  }
  const middle = (pick: (each: RoundTripCount) => number): number =>
    round(median(counts.slice(1).map(pick)), 2);
  const result = {
    firstMessage: middle((each) => each.firstMessage),
    drain: middle((each) => each.drain),
    elapsed: {
      firstMessage: middle((each) => each.elapsed.firstMessage),
      drain: middle((each) => each.elapsed.drain),
    },
  };
  log(
    `round trips, ${runtime.name}, ${side}, ${messages} at concurrency ${concurrency}: ${result.firstMessage} to the first message, ${result.drain} in all`,
  );
  return result;
}
