// A small drain: the CPU of a drain of 100 messages in workerd, beside the same by hand (protocol-floor.ts). Both without the CPU of
// the HTTP call around them.

import type { Measure } from "./bench.ts";
import { type BenchWorker, startBenchWorker } from "./bench-worker.ts";
import { alternate, median, round } from "./stats.ts";

export interface SmallDrain {
  readonly messages: number;
  readonly sluiceCpuMs: number;
  readonly floorCpuMs: number;
  /** sluiceCpuMs / floorCpuMs */
  readonly ratio: number;
  /** Of the HTTP call, which is in neither. */
  readonly callCpuMs: number;
}

const MESSAGES = 100;
const BYTES = 128;
// Between two looks at the process's CPU time, which some kernels tell in steps of 10 ms.
const DRAINS = 50;
const ROUNDS = { count: 8, warmUps: 2 };
const MAX_RATIO = 1.5;
const SIDES = ["sluice", "by-hand", "empty"] as const;

export const smallDrain: Measure<SmallDrain> = {
  name: "small-drain",
  key: "smallDrain",
  run: async ({ bed, rounds, log }) => {
    const stream = await bed.fill(MESSAGES * DRAINS, BYTES);
    await using worker = await startBenchWorker(new URL("bare-worker.ts", import.meta.url));
    const job = { stream, messages: MESSAGES, batch: MESSAGES, maxWaitMs: 5_000 };
    const cpus = await alternate(SIDES, rounds(ROUNDS), async (side) => {
      if (side === "empty") return await cpuOfOne(worker, side, {});
      return await bed.withConsumer(job, (asked) => cpuOfOne(worker, side, asked), { times: DRAINS });
    });
    const callCpuMs = median(cpus.empty);
    const [sluiceCpuMs, floorCpuMs] = [median(cpus.sluice) - callCpuMs, median(cpus["by-hand"]) - callCpuMs];
    const ratio = round(sluiceCpuMs / floorCpuMs, 2);
    log(
      `CPU of a drain of ${MESSAGES}, workerd: ${round(sluiceCpuMs, 2)} ms, by hand ${round(floorCpuMs, 2)} ms`,
    );
    return {
      messages: MESSAGES,
      sluiceCpuMs: round(sluiceCpuMs, 2),
      floorCpuMs: round(floorCpuMs, 2),
      ratio,
      callCpuMs: round(callCpuMs, 2),
    };
  },
  rows: ({ messages, sluiceCpuMs, floorCpuMs, ratio }) => [
    {
      what: `CPU of a drain of ${messages}, workerd, without the HTTP call`,
      sluice: `${sluiceCpuMs} ms`,
      peer: `by hand ${floorCpuMs} ms`,
      got: `${ratio} x`,
      target: `at most ${MAX_RATIO} x`,
      met: ratio <= MAX_RATIO,
    },
  ],
};

async function cpuOfOne(worker: BenchWorker, side: (typeof SIDES)[number], job: unknown): Promise<number> {
  const before = worker.cpuMs();
  for (let drain = 0; drain < DRAINS; drain += 1) await worker.post(`/${side}`, job);
  return (worker.cpuMs() - before) / DRAINS;
}
