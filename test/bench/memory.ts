// Memory: how far a process grows that drains messages of 1 MiB with `maxBytes` at 16 MiB.

import type { BedJob } from "./bed.ts";
import type { Bench, Measure } from "./bench.ts";
import { bareWorkerd } from "./bench-worker.ts";
import { forgetPeak, memoryOf } from "./processes.ts";
import { nodeRuntime, type Runtime } from "./runtimes.ts";
import { median, round } from "./stats.ts";

export interface Memory {
  readonly runtime: "node" | "workerd";
  readonly case: string;
  readonly maxBytes: number;
  /** How far the resident memory rose above what it was before, at its peak. */
  readonly sluicePeakBytes: number;
  readonly natsjsPeakBytes: number;
  /** sluicePeakBytes / maxBytes */
  readonly times: number;
}

const MIB = 1024 * 1024;
const MAX_BYTES = 16 * MIB;
// nats-server's max_payload is 1 MiB.
const MESSAGE_BYTES = MIB;
const RUNS = { count: 2, warmUps: 0 };
const MAX_TIMES = 3;

interface Case {
  readonly name: string;
  readonly runtimes: readonly Runtime["name"][];
  readonly messages: number;
  readonly collect: boolean;
  readonly judged: boolean;
}

// With its headers and subject a message is above 1 MiB, so that 15 fit into a Fetch.
const CASES: readonly Case[] = [
  { name: "one Fetch", runtimes: ["node", "workerd"], messages: 15, collect: false, judged: true },
  // What is in use, Fetch after Fetch. Only Node lets a program collect the garbage of the last one.
  { name: "6 Fetches, in use", runtimes: ["node"], messages: 90, collect: true, judged: true },
  // When garbage is collected is V8's to say: both contenders leave it as much.
  {
    name: "6 Fetches, with garbage",
    runtimes: ["node", "workerd"],
    messages: 90,
    collect: false,
    judged: false,
  },
];

export const memory: Measure<Memory[]> = {
  name: "memory",
  key: "memory",
  run: async (bench) => {
    // A few small messages first: what a process loads and compiles is not the drain's memory.
    const warmUp = await bench.bed.fill(100, 128);
    const results: Memory[] = [];
    for (const each of CASES) {
      const stream = await bench.bed.fill(each.messages, MESSAGE_BYTES);
      for (const runtime of each.runtimes)
        results.push(await measureCase(bench, runtime, { ...each, stream, warmUp }));
    }
    return results;
  },
  rows: (results) =>
    results.map((each) => ({
      what: `memory, ${each.runtime}: growth, maxBytes ${mib(each.maxBytes)}, ${each.case}`,
      sluice: mib(each.sluicePeakBytes),
      peer: mib(each.natsjsPeakBytes),
      got: `${each.times} x`,
      ...(CASES.find(({ name }) => name === each.case)?.judged
        ? { target: `under ${MAX_TIMES} x maxBytes`, met: each.times < MAX_TIMES }
        : {}),
    })),
};

interface Streams {
  readonly stream: string;
  readonly warmUp: string;
}

async function measureCase(bench: Bench, name: Runtime["name"], each: Case & Streams): Promise<Memory> {
  const peaks = { sluice: [] as number[], natsjs: [] as number[] };
  for (let run = 0; run < bench.rounds(RUNS).count; run += 1) {
    for (const side of ["sluice", "natsjs"] as const) {
      // A fresh process: memory that was once taken is seldom given back.
      await using runtime = name === "node" ? nodeRuntime() : await bareWorkerd();
      peaks[side].push(await peakGrowth(bench, runtime, side, each));
    }
  }
  const [sluicePeakBytes, natsjsPeakBytes] = [median(peaks.sluice), median(peaks.natsjs)];
  bench.log(`memory, ${name}, ${each.name}: ${mib(sluicePeakBytes)}, nats.js ${mib(natsjsPeakBytes)}`);
  return {
    runtime: name,
    case: each.name,
    maxBytes: MAX_BYTES,
    sluicePeakBytes,
    natsjsPeakBytes,
    times: round(sluicePeakBytes / MAX_BYTES, 2),
  };
}

async function peakGrowth(
  { bed }: Bench,
  runtime: Runtime,
  side: "sluice" | "natsjs",
  { stream, warmUp, messages, collect }: Case & Streams,
): Promise<number> {
  const run = (job: BedJob) => bed.withConsumer(job, (each) => runtime.run(side, each));
  await run({ stream: warmUp, messages: 100, batch: 100, maxWaitMs: 1_000 });
  const [pid = 0] = runtime.pids(side);
  const before = memoryOf(pid).residentBytes;
  forgetPeak(pid);
  // nats.js is given by number what it cannot be given by size (contenders.ts).
  const limit = side === "sluice" ? { batch: 100, maxBytes: MAX_BYTES } : { batch: 15 };
  await run({ stream, messages, maxWaitMs: 1_000, collect, ...limit });
  return memoryOf(pid).peakBytes - before;
}

function mib(bytes: number): string {
  return `${round(bytes / MIB)} MiB`;
}
