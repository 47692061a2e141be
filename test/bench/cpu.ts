// CPU: what a process spends on 1,000 messages, in full batches and in the small ones of a scheduled drain.
import type { Bench, Measure } from "./bench.ts";
import type { Contender } from "./contenders.ts";
import type { Ran, Runtime } from "./runtimes.ts";
import { alternate, median, round, sum } from "./stats.ts";

export interface Cpu {
  readonly runtime: "node" | "workerd";
  readonly case: string;
  /** Messages a drain. */
  readonly batch: number;
  /** CPU milliseconds for 1,000 messages. */
  readonly sluiceMs: number;
  readonly natsjsMs: number;
  readonly floorMs: number;
  /** natsjsMs / sluiceMs */
  readonly ratio: number;
  /** Milliseconds that one drain of Sluice takes on this machine. */
  readonly sluiceDrainWallMs: number;
  readonly natsjsDrainWallMs: number;
}

const BYTES = 128;
const CASES = [
  { name: "drains of 20,000", batch: 20_000, drains: 1, rounds: { count: 10, warmUps: 3 }, judged: true },
  // Connecting is most of it here. It goes into the costs, and has no target of its own.
  { name: "drains of 100", batch: 100, drains: 20, rounds: { count: 6, warmUps: 1 }, judged: false },
] as const;
const MIN_RATIO = 2;
const SIDES = ["sluice", "natsjs", "floor"] as const;

export const cpu: Measure<Cpu[]> = {
  name: "cpu",
  key: "cpu",
  run: async (bench) => {
    const results: Cpu[] = [];
    for (const each of CASES) {
      const stream = await bench.bed.fill(each.batch * each.drains, BYTES);
      for (const runtime of [bench.node, await bench.workerd()]) {
        results.push(await measureCase(bench, runtime, stream, each));
      }
    }
    return results;
  },
  rows: (results) =>
    results.map((each) => ({
      what: `CPU per 1,000 messages, ${each.runtime}, ${each.case}`,
      sluice: `${each.sluiceMs} ms`,
      peer: `${each.natsjsMs} ms`,
      got: `1/${each.ratio}`,
      ...(CASES.find(({ name }) => name === each.case)?.judged
        ? { target: `at most 1/${MIN_RATIO}`, met: each.ratio >= MIN_RATIO }
        : {}),
    })),
};

async function measureCase(
  { bed, log, ...bench }: Bench,
  runtime: Runtime,
  stream: string,
  { name, batch, drains, rounds: planned }: (typeof CASES)[number],
): Promise<Cpu> {
  const rounds = bench.rounds(planned);
  const drainAll = async (contender: Contender): Promise<Ran[]> => {
    const job = { stream, messages: batch, batch, maxWaitMs: 5_000 };
    return await bed.withConsumer(
      job,
      async (each) => {
        const ran: Ran[] = [];
        for (let drain = 0; drain < drains; drain += 1) ran.push(await runtime.run(contender, each));
        return ran;
      },
      { times: drains },
    );
  };
  const ran = await alternate(SIDES, rounds, drainAll);
  // workerd's CPU time comes in steps of 10 ms: the sum of many runs is exact where their median is not.
  const perThousand = (side: Contender): number =>
    (sum(ran[side].flat().map(({ cpuMs }) => cpuMs)) / (batch * drains * rounds.count)) * 1_000;
  const wall = (side: Contender): number => round(median(ran[side].flat().map(({ wallMs }) => wallMs)));
  const [sluiceMs, natsjsMs, floorMs] = [perThousand("sluice"), perThousand("natsjs"), perThousand("floor")];
  log(`CPU, ${runtime.name}, ${name}: ${round(sluiceMs)} ms a 1,000 messages, nats.js ${round(natsjsMs)} ms`);
  return {
    runtime: runtime.name,
    case: name,
    batch,
    sluiceMs: round(sluiceMs, 2),
    natsjsMs: round(natsjsMs, 2),
    floorMs: round(floorMs, 2),
    ratio: round(natsjsMs / sluiceMs, 2),
    sluiceDrainWallMs: wall("sluice"),
    natsjsDrainWallMs: wall("natsjs"),
  };
}
