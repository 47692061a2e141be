// An empty drain: what it takes and what it costs when nothing is there, at once and after a wait.
import { setTimeout as sleep } from "node:timers/promises";
import { wsconnect } from "@nats-io/nats-core";
import { DRAIN_USER } from "../support/nats.ts";
import { startProxy, type TestProxy } from "../support/proxy.ts";
import type { Bench, Measure } from "./bench.ts";
import { alternate, median, round, sum } from "./stats.ts";

export interface Idle {
  readonly maxWaitMs: number;
  /** nats.js asks for a second at least. */
  readonly natsjsMaxWaitMs: number;
  /** Through the proxy, measured with PING and PONG. */
  readonly roundTripMs: number;
  /** Through the proxy, without the wait. */
  readonly sluiceWallMs: number;
  readonly natsjsWallMs: number;
  /** Of one drain, over loopback. */
  readonly sluiceCpuMs: number;
  readonly natsjsCpuMs: number;
}

const LATENCY_MS = 50;
const LEAST_NATSJS_WAIT_MS = 1_000;
const ROUND_TRIPS = 3;
const ALLOWED_MS = 10;
// Drains at once in a process, because one of them uses too little CPU time to compare.
const AT_ONCE = 40;
const HEAD_START_MS = 400;
const CASES = [
  { maxWaitMs: 0, rounds: { count: 6, warmUps: 3 } },
  { maxWaitMs: 5_000, rounds: { count: 3, warmUps: 0 } },
] as const;

export const idle: Measure<Idle[]> = {
  name: "idle",
  key: "idle",
  run: async (bench) => {
    const stream = await bench.bed.fill(0, 0);
    const results: Idle[] = [];
    for (const each of CASES) results.push(await measureWait(bench, stream, each));
    return results;
  },
  rows: (results) =>
    results.flatMap((each) => {
      const mostMs = round(ROUND_TRIPS * each.roundTripMs + ALLOWED_MS);
      const what = `empty drain, maxWaitMs ${each.maxWaitMs}`;
      return [
        {
          what: `${what}: wall beside the wait`,
          sluice: `${each.sluiceWallMs} ms`,
          peer: `${each.natsjsWallMs} ms`,
          got: `${each.sluiceWallMs} ms`,
          target: `below ${mostMs} ms (${ROUND_TRIPS} round trips + ${ALLOWED_MS})`,
          met: each.sluiceWallMs < mostMs,
        },
        {
          what: `${what}: CPU`,
          sluice: `${each.sluiceCpuMs} ms`,
          peer: `${each.natsjsCpuMs} ms`,
          got: `${each.sluiceCpuMs} ms`,
          target: "below nats.js",
          met: each.sluiceCpuMs < each.natsjsCpuMs,
        },
      ];
    }),
};

async function measureWait(
  { bed, node, log }: Bench,
  stream: string,
  { maxWaitMs, rounds }: (typeof CASES)[number],
): Promise<Idle> {
  const natsjsMaxWaitMs = Math.max(maxWaitMs, LEAST_NATSJS_WAIT_MS);
  const waits = { sluice: maxWaitMs, natsjs: natsjsMaxWaitMs };
  const run = (side: "sluice" | "natsjs", url: string, times: number) =>
    bed.withConsumer({ stream, messages: 0, batch: 100, maxWaitMs: waits[side], url }, (job) =>
      node.run(side, job, times),
    );

  await using proxy = await startProxy({ target: { host: "127.0.0.1", port: bed.server.ports.ws } });
  proxy.latencyMs = LATENCY_MS;
  // Both wait at once, each in its own process: neither's CPU time is the other's. The second starts when the first has connected.
  const pairs = await alternate(["far", "near"], rounds, (where) => {
    const [url, times] = where === "far" ? [proxy.url(), 1] : [bed.server.wsUrl, AT_ONCE];
    return Promise.all([run("sluice", url, times), sleep(HEAD_START_MS).then(() => run("natsjs", url, times))]);
  });
  const wallMs = (at: 0 | 1, waitMs: number): number =>
    round(median(pairs.far.map((pair) => pair[at].wallMs - waitMs)));
  const cpuMs = (at: 0 | 1): number => round(sum(pairs.near.map((pair) => pair[at].cpuMs)) / rounds.count, 2);
  const result = {
    ...{ maxWaitMs, natsjsMaxWaitMs, roundTripMs: round(await measureRoundTrip(proxy)) },
    ...{ sluiceWallMs: wallMs(0, maxWaitMs), natsjsWallMs: wallMs(1, natsjsMaxWaitMs) },
    ...{ sluiceCpuMs: cpuMs(0), natsjsCpuMs: cpuMs(1) },
  };
  const { sluiceWallMs, sluiceCpuMs, natsjsCpuMs } = result;
  log(`empty drain, ${maxWaitMs} ms: ${sluiceWallMs} ms beside it, CPU ${sluiceCpuMs} ms, nats.js ${natsjsCpuMs} ms`);
  return result;
}

/** What the proxy's timers make of its latency. */
async function measureRoundTrip(proxy: TestProxy): Promise<number> {
  const nc = await wsconnect({ servers: proxy.url(), ...DRAIN_USER });
  const times: number[] = [];
  for (let time = 0; time < 5; time += 1) {
    const startedAt = performance.now();
    await nc.flush();
    times.push(performance.now() - startedAt);
  }
  await nc.close();
  return median(times);
}
