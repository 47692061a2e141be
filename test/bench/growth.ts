// Growth: how time, CPU, memory and cost of a drain grow with its messages and with their size, in workerd.

import type { Bench, Measure } from "./bench.ts";
import { type BenchWorker, startBenchWorker } from "./bench-worker.ts";
import type { Done } from "./contenders.ts";
import { WORKERS } from "./cost.ts";
import { median, round } from "./stats.ts";

export interface Grown {
  readonly messages: number;
  readonly bytes: number;
  /** Of one drain, connecting and closing included, over loopback. */
  readonly wallMs: number;
  readonly cpuMs: number;
  /** How far the process's memory rose above what it was before, at its peak. */
  readonly memoryBytes: number;
  /** For a million messages in drains of this size, on Workers: requests, and dollars of requests and CPU. */
  readonly requests: number;
  readonly dollars: number;
}

export interface Growth {
  readonly messages: readonly Grown[];
  readonly bytes: readonly Grown[];
}

interface Case {
  readonly messages: number;
  readonly bytes: number;
  readonly drains: number;
}

const BY_MESSAGES: readonly Case[] = [
  { messages: 1, bytes: 128, drains: 100 },
  { messages: 10, bytes: 128, drains: 100 },
  { messages: 100, bytes: 128, drains: 50 },
  { messages: 1_000, bytes: 128, drains: 10 },
  { messages: 10_000, bytes: 128, drains: 4 },
  { messages: 100_000, bytes: 128, drains: 1 },
];
const BY_BYTES: readonly Case[] = [
  { messages: 100, bytes: 128, drains: 50 },
  { messages: 100, bytes: 1_024, drains: 50 },
  { messages: 100, bytes: 10_240, drains: 20 },
  { messages: 100, bytes: 102_400, drains: 5 },
  { messages: 100, bytes: 1_000_000, drains: 1 },
];
/** That of a drain's default. */
const MAX_BYTES = 25_165_824;
/** Drains of a few messages before what is measured: what is compiled once is not the drain's. */
const WARM_UPS = 30;
const MILLION = 1_000_000;

export const growth: Measure<Growth> = {
  name: "growth",
  key: "growth",
  run: async (bench) => {
    const grow = async (cases: readonly Case[]): Promise<Grown[]> => {
      const results: Grown[] = [];
      for (const each of cases) results.push(await measureCase(bench, each));
      return results;
    };
    return { messages: await grow(BY_MESSAGES), bytes: await grow(BY_BYTES) };
  },
  rows: ({ messages, bytes }) =>
    [...messages, ...bytes.slice(1)].map((each) => ({
      what: `a drain of ${each.messages.toLocaleString("en-US")} x ${each.bytes.toLocaleString("en-US")} B, workerd`,
      sluice: `${each.wallMs} ms`,
      peer: "",
      got: `CPU ${each.cpuMs} ms, ${round(each.memoryBytes / 1_048_576)} MiB`,
    })),
};

async function measureCase(bench: Bench, { messages, bytes, drains: planned }: Case): Promise<Grown> {
  const { bed } = bench;
  const { count: drains } = bench.rounds({ count: planned, warmUps: 0 });
  // A process of its own: memory that was once taken is seldom given back.
  await using worker = await startBenchWorker(new URL("bare-worker.ts", import.meta.url));
  const small = await bed.fill(10 * WARM_UPS, 128);
  await bed.withConsumer(
    { stream: small, messages: 10, batch: 10, maxWaitMs: 1_000 },
    (job) => repeat(worker, "/sluice", job, WARM_UPS),
    { times: WARM_UPS },
  );
  const call = await repeat(worker, "/empty", {}, WARM_UPS);
  const stream = await bed.fill(messages * drains, bytes);
  // With `maxBytes` a drain makes one Fetch after another, as long as there is something.
  const maxBytes = messages * bytes > MAX_BYTES ? MAX_BYTES : undefined;
  const job = { stream, messages, batch: messages, maxBytes, maxWaitMs: 5_000 };
  let done: Repeated = { wallMs: 0, cpuMs: 0 };
  const memoryBytes = await worker.peakGrowth(async () => {
    const work = { times: drains };
    done = await bed.withConsumer(job, (asked) => repeat(worker, "/sluice", asked, drains), work);
  });
  const cpuMs = Math.max(0, done.cpuMs - call.cpuMs);
  const requests = Math.ceil(MILLION / messages);
  const dollars = requests * (WORKERS.perRequest + cpuMs * WORKERS.perCpuMs);
  bench.log(`growth, ${messages} x ${bytes} B: ${round(done.wallMs)} ms, CPU ${round(cpuMs, 2)} ms`);
  return {
    messages,
    bytes,
    wallMs: round(done.wallMs),
    cpuMs: round(cpuMs, 2),
    memoryBytes,
    requests,
    dollars: Number(dollars.toPrecision(3)),
  };
}

/** Of one of many. */
interface Repeated {
  readonly wallMs: number;
  readonly cpuMs: number;
}

async function repeat(
  worker: BenchWorker,
  path: string,
  job: { readonly messages?: number },
  times: number,
): Promise<Repeated> {
  const expected = job.messages;
  const before = worker.cpuMs();
  const walls: number[] = [];
  for (let time = 0; time < times; time += 1) {
    const done = (await worker.post(path, job)) as Done | null; // bare-worker.ts answers with it
    if (done) walls.push(done.wallMs);
    if (done && done.handled !== expected) throw new Error(`a drain handled ${done.handled} of ${expected}`);
  }
  return { wallMs: median(walls), cpuMs: (worker.cpuMs() - before) / times };
}
