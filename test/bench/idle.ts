// An empty drain: what it takes and what it costs when nothing is there, at once and after a wait.
import { setTimeout as sleep } from "node:timers/promises";
import { wsconnect } from "@nats-io/nats-core";
import { ADMIN_USER } from "../support/nats.ts";
import { startProxy, type TestProxy } from "../support/proxy.ts";
import type { Bench, Measure } from "./bench.ts";
import type { Ran } from "./runtimes.ts";
import { alternate, lowerQuartile, median, round } from "./stats.ts";

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
const MIN_NATSJS_WAIT_MS = 1_000;
const ROUND_TRIPS = 3;
const ALLOWED_MS = 10;
// Drains at once in a process, because one of them uses too little CPU time to compare.
const AT_ONCE = 150;
const HEAD_START_MS = 400;
const CASES = [
  { maxWaitMs: 0, far: { count: 3, warmUps: 1 }, near: { count: 5, warmUps: 2 } },
  { maxWaitMs: 5_000, far: { count: 1, warmUps: 0 }, near: { count: 3, warmUps: 0 } },
] as const;
const SIDES = ["sluice", "natsjs"] as const;
type Side = (typeof SIDES)[number];

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
  { bed, node, rounds, log }: Bench,
  stream: string,
  { maxWaitMs, far, near }: (typeof CASES)[number],
): Promise<Idle> {
  const natsjsMaxWaitMs = Math.max(maxWaitMs, MIN_NATSJS_WAIT_MS);
  const waits = { sluice: maxWaitMs, natsjs: natsjsMaxWaitMs };
  const run = (side: Side, url: string, times: number) =>
    bed.withConsumer({ stream, messages: 0, batch: 100, maxWaitMs: waits[side], url }, (job) =>
      node.run(side, job, times),
    );

  await using proxy = await startProxy({ target: { host: "127.0.0.1", port: bed.server.ports.ws } });
  proxy.latencyMs = LATENCY_MS;
  // Both wait at once, each in its own process: neither's CPU time is the other's. One starts when the other has connected, in turns,
  // because whoever is first wakes a machine up.
  const both = async (first: Side, url: string, times: number): Promise<Record<Side, Ran>> => {
    const startAfter = (side: Side): Promise<void> => sleep(side === first ? 0 : HEAD_START_MS);
    const ran = (side: Side): Promise<Ran> => startAfter(side).then(() => run(side, url, times));
    const [sluice, natsjs] = await Promise.all([ran("sluice"), ran("natsjs")]);
    return { sluice, natsjs };
  };
  const wall = Object.values(
    await alternate(SIDES, rounds(far), (first) => both(first, proxy.url(), 1)),
  ).flat();
  const busy = Object.values(
    await alternate(SIDES, rounds(near), (first) => both(first, bed.server.wsUrl, AT_ONCE)),
  ).flat();
  const wallMs = (side: Side): number => round(median(wall.map((pair) => pair[side].wallMs - waits[side])));
  const cpuMs = (side: Side): number => round(lowerQuartile(busy.map((pair) => pair[side].cpuMs)), 2);
  const result = {
    maxWaitMs,
    natsjsMaxWaitMs,
    roundTripMs: round(await measureRoundTrip(proxy)),
    sluiceWallMs: wallMs("sluice"),
    natsjsWallMs: wallMs("natsjs"),
    sluiceCpuMs: cpuMs("sluice"),
    natsjsCpuMs: cpuMs("natsjs"),
  };
  const { sluiceWallMs, sluiceCpuMs, natsjsCpuMs } = result;
  log(
    `empty drain, ${maxWaitMs} ms: ${sluiceWallMs} ms beside it, CPU ${sluiceCpuMs} ms, nats.js ${natsjsCpuMs} ms`,
  );
  return result;
}

/** What the proxy's timers make of its latency. */
async function measureRoundTrip(proxy: TestProxy): Promise<number> {
  const nc = await wsconnect({ servers: proxy.url(), ...ADMIN_USER });
  const times: number[] = [];
  for (let time = 0; time < 5; time += 1) {
    const startedAt = performance.now();
    await nc.flush();
    times.push(performance.now() - startedAt);
  }
  await nc.close();
  return median(times);
}
