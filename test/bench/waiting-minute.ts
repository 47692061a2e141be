// A waiting minute: what a drain `until: "limit"` costs that waits its whole minute for nothing. Two shorter waits are measured, and the
// difference between them is what each second more costs.

import type { Bench, Measure } from "./bench.ts";
import { type BenchWorker, startBenchWorker } from "./bench-worker.ts";
import type { Job } from "./contenders.ts";
import { type NodeRuntime, nodeRuntime, type Runtime } from "./runtimes.ts";
import { round } from "./stats.ts";

export interface WaitingMinute {
  readonly runtime: Runtime["name"];
  /** CPU of a drain that waits a minute, connecting and closing included: extrapolated. */
  readonly cpuMs: number;
  /** Of it, that of each second that it waits. */
  readonly cpuMsPerSecond: number;
  /** What was measured. */
  readonly measured: readonly { readonly waitMs: number; readonly cpuMs: number }[];
}

const [SHORT_MS, LONG_MS] = [8_000, 18_000] as const;
const MINUTE_MS = 60_000;
// What a limit of a minute gives.
const [MAX_WAIT_MS, HEARTBEAT_MS] = [5_000, 1_666];
// Workers Free allows an invocation so much.
const MAX_MS = 10;
/** Drains at once in a process, because one of them uses too little to be read. */
const AT_ONCE = 30;

export const waitingMinute: Measure<WaitingMinute[]> = {
  name: "waiting-minute",
  key: "waitingMinute",
  run: async (bench) => {
    const stream = await bench.bed.fill(0, 0);
    await using short = nodeRuntime();
    await using long = nodeRuntime();
    await using shortWorker = await startBenchWorker(WORKER);
    await using longWorker = await startBenchWorker(WORKER);
    // They wait side by side: each process's CPU time is its own.
    const [node, workerd] = await Promise.all([
      pair(bench, stream, inNode(short), inNode(long)),
      pair(bench, stream, inWorkerd(shortWorker), inWorkerd(longWorker)),
    ]);
    return [extrapolate("node", node, bench.log), extrapolate("workerd", workerd, bench.log)];
  },
  rows: (results) =>
    results.map(({ runtime, cpuMs, cpuMsPerSecond }) => ({
      what: `CPU of a minute that waits for nothing, ${runtime} (from ${SHORT_MS / 1_000} and ${LONG_MS / 1_000} s)`,
      sluice: `${cpuMs} ms`,
      peer: "",
      got: `${cpuMs} ms, ${cpuMsPerSecond} ms a second`,
      target: `under ${MAX_MS} ms`,
      met: cpuMs < MAX_MS,
    })),
};

const WORKER = new URL("bare-worker.ts", import.meta.url);

/** Resolves to the CPU time of one drain of many that wait at once. */
type Waiting = (job: Job) => Promise<number>;

async function pair(bench: Bench, stream: string, short: Waiting, long: Waiting): Promise<[number, number]> {
  const wait = (waiting: Waiting, waitUntilMs?: number): Promise<number> =>
    bench.bed.withConsumer(
      {
        stream,
        messages: 0,
        batch: 100,
        maxWaitMs: waitUntilMs === undefined ? 0 : MAX_WAIT_MS,
        heartbeatMs: waitUntilMs === undefined ? undefined : HEARTBEAT_MS,
        waitUntilMs,
      },
      waiting,
      { config: { max_waiting: 4 * AT_ONCE } },
    );
  // What is compiled once is no part of the seconds.
  await Promise.all([wait(short), wait(long)]);
  return await Promise.all([wait(short, SHORT_MS), wait(long, LONG_MS)]);
}

function inNode(runtime: NodeRuntime): Waiting {
  return async (job) => (await runtime.run("sluice", job, AT_ONCE)).cpuMs;
}

function inWorkerd(worker: BenchWorker): Waiting {
  return async (job) => {
    const before = worker.cpuMs();
    await Promise.all(Array.from({ length: AT_ONCE }, () => worker.post("/sluice", job)));
    return (worker.cpuMs() - before) / AT_ONCE;
  };
}

function extrapolate(
  runtime: Runtime["name"],
  [shortMs, longMs]: [number, number],
  log: Bench["log"],
): WaitingMinute {
  const perMs = (longMs - shortMs) / (LONG_MS - SHORT_MS);
  const result = {
    runtime,
    cpuMs: round(shortMs + perMs * (MINUTE_MS - SHORT_MS), 2),
    cpuMsPerSecond: round(1_000 * perMs, 3),
    measured: [
      { waitMs: SHORT_MS, cpuMs: round(shortMs, 2) },
      { waitMs: LONG_MS, cpuMs: round(longMs, 2) },
    ],
  };
  log(`a waiting minute, ${runtime}: CPU ${result.cpuMs} ms, ${result.cpuMsPerSecond} ms a second`);
  return result;
}
