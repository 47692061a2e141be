// Throughput: how long a whole drain takes, connecting and closing included, for full batches of small, medium and large messages.
import type { Bench, Measure } from "./bench.ts";
import { CONTENDERS } from "./contenders.ts";
import type { Runtime } from "./runtimes.ts";
import { alternate, median, round } from "./stats.ts";

export interface Throughput {
  readonly runtime: "node" | "workerd";
  readonly case: string;
  readonly messages: number;
  readonly bytes: number;
  readonly sluiceMs: number;
  readonly natsjsMs: number;
  readonly floorMs: number;
  /** natsjsMs / sluiceMs */
  readonly ratio: number;
  /** sluiceMs / floorMs */
  readonly overFloor: number;
}

interface Case {
  readonly name: string;
  readonly messages: number;
  readonly bytes: number;
  readonly batch: number;
  readonly maxBytes?: number;
  readonly leastRatio: number;
}

const CASES: readonly Case[] = [
  { name: "20,000 x 128 B", messages: 20_000, bytes: 128, batch: 20_000, leastRatio: 2 },
  { name: "20,000 x 1 KiB", messages: 20_000, bytes: 1_024, batch: 20_000, leastRatio: 2 },
  // Two Fetches: nats-server packs what waits into one WebSocket frame, and workerd ends the connection of whoever is sent more
  // than 32 MiB in one (nats-server 2.15.1, workerd of November 2026: "Message is too large: 43762892 > 33554432").
  // A batch of them is a little above the default of Sluice's `maxBytes`.
  { name: "500 x 100 KiB", messages: 500, bytes: 102_400, batch: 250, maxBytes: 32_000_000, leastRatio: 1 },
];
const MAX_OVER_FLOOR = 1.25;
const ROUNDS = { count: 12, warmUps: 3 };
// No run comes near it: the batch is full long before.
const MAX_WAIT_MS = 5_000;

export const throughput: Measure<Throughput[]> = {
  name: "throughput",
  key: "throughput",
  run: async (bench) => {
    const results: Throughput[] = [];
    for (const each of CASES) {
      const stream = await bench.bed.fill(each.messages, each.bytes);
      for (const runtime of [bench.node, await bench.workerd()]) {
        results.push(await measureCase(bench, runtime, stream, each));
      }
    }
    return results;
  },
  rows: (results) =>
    results.flatMap((each) => [
      {
        what: `throughput, ${each.runtime}, ${each.case}`,
        sluice: `${each.sluiceMs} ms`,
        peer: `${each.natsjsMs} ms`,
        target: `${leastRatio(each)} x nats.js`,
        got: `${each.ratio} x`,
        met: each.ratio >= leastRatio(each),
      },
      {
        what: `  against the floor`,
        sluice: `${each.sluiceMs} ms`,
        peer: `floor ${each.floorMs} ms`,
        target: `at most ${MAX_OVER_FLOOR} x`,
        got: `${each.overFloor} x`,
        met: each.overFloor <= MAX_OVER_FLOOR,
      },
    ]),
};

async function measureCase(
  { bed, rounds, log }: Bench,
  runtime: Runtime,
  stream: string,
  { name, messages, bytes, batch, maxBytes }: Case,
): Promise<Throughput> {
  const walls = await alternate(CONTENDERS, rounds(ROUNDS), (contender) =>
    bed.withConsumer({ stream, messages, batch, maxBytes, maxWaitMs: MAX_WAIT_MS }, async (job) => {
      const { handled, wallMs } = await runtime.run(contender, job);
      if (handled !== messages) throw new Error(`${contender} handled ${handled} of ${messages} messages`);
      return wallMs;
    }),
  );
  const [sluiceMs, natsjsMs, floorMs] = CONTENDERS.map((contender) => median(walls[contender])) as [
    number,
    number,
    number,
  ]; // one each
  log(
    `throughput, ${runtime.name}, ${name}: ${round(sluiceMs)} ms, nats.js ${round(natsjsMs)} ms, floor ${round(floorMs)} ms`,
  );
  return {
    runtime: runtime.name,
    case: name,
    messages,
    bytes,
    sluiceMs: round(sluiceMs),
    natsjsMs: round(natsjsMs),
    floorMs: round(floorMs),
    ratio: round(natsjsMs / sluiceMs, 2),
    overFloor: round(sluiceMs / floorMs, 2),
  };
}

function leastRatio(result: Throughput): number {
  return CASES.find(({ name }) => name === result.case)?.leastRatio ?? 1;
}
