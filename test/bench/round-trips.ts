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
}

const LATENCY_MS = 50;
const MESSAGES = 10;
const RUNS = 5;
const MOST = { firstMessage: 2, drain: 3 };

export const roundTrips: Measure<RoundTrips> = {
  name: "round-trips",
  key: "roundTrips",
  run: async (bench) => {
    const stream = await bench.bed.fill(MESSAGES, 128);
    const workerd = await bench.workerd();
    const both = async (runtime: Runtime) => ({
      sluice: await count(bench, runtime, "sluice", stream),
      natsjs: await count(bench, runtime, "natsjs", stream),
    });
    return { latencyMs: LATENCY_MS, ...(await both(bench.node)), workerd: await both(workerd) };
  },
  rows: (result) =>
    [
      { runtime: "node", ...result },
      { runtime: "workerd", ...result.workerd },
    ].flatMap(({ runtime, sluice, natsjs }) => [
      {
        what: `round trips, ${runtime}, socket open to first message`,
        ...figures(sluice.firstMessage, natsjs.firstMessage),
        target: `${MOST.firstMessage}, and 1 to 3 fewer`,
        met: isMet(sluice.firstMessage, natsjs.firstMessage, MOST.firstMessage),
      },
      {
        what: `round trips, ${runtime}, socket open to the end of the drain`,
        ...figures(sluice.drain, natsjs.drain),
        target: `${MOST.drain}, and 1 to 3 fewer`,
        met: isMet(sluice.drain, natsjs.drain, MOST.drain),
      },
    ]),
};

function figures(sluice: number, natsjs: number) {
  return { sluice: String(sluice), peer: String(natsjs), got: `${natsjs - sluice} fewer` };
}

function isMet(sluice: number, natsjs: number, most: number): boolean {
  return sluice <= most && natsjs - sluice >= 1 && natsjs - sluice <= 3;
}

async function count(
  { bed, log }: Bench,
  runtime: Runtime,
  side: "sluice" | "natsjs",
  stream: string,
): Promise<RoundTripCount> {
  const counts: RoundTripCount[] = [];
  // The first is a warm-up: what is compiled then delays what is sent.
  for (let run = 0; run <= RUNS; run += 1) {
    await using proxy = await startProxy({ target: { host: "127.0.0.1", port: bed.server.ports.ws } });
    proxy.latencyMs = LATENCY_MS;
    const seen = watchProxy(proxy);
    // A full batch: nats.js would wait out its `expires` for a short one, which is another measure's matter.
    const job = { stream, messages: MESSAGES, batch: MESSAGES, maxWaitMs: 5_000, url: proxy.url() };
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
    `round trips, ${runtime.name}, ${side}: ${result.firstMessage} to the first message, ${result.drain} in all`,
  );
  return result;
}
