// Cost: what a million messages come to on Workers and on Lambda, from the CPU time, wall time and round trips measured in this run and
// the published prices. Prints the README's table.
import type { Measure } from "./bench.ts";
import { type Cpu, cpu } from "./cpu.ts";
import { roundTrips } from "./round-trips.ts";
import { round } from "./stats.ts";

export interface Cost {
  readonly platform: string;
  readonly contender: "sluice" | "nats.js";
  /** Messages a drain, which is one request. */
  readonly batch: number;
  /** These four for a million messages. */
  readonly requests: number;
  readonly cpuMs: number;
  readonly wallMs: number;
  readonly dollars: number;
}

const MILLION = 1_000_000;
// The measured wall time is over loopback; in the field a drain also waits for its round trips.
const ROUND_TRIP_MS = 10;
// TCP, TLS and the upgrade, before the open socket from which round-trips.ts counts.
const ROUND_TRIPS_TO_OPEN = 3;

// US dollars, beyond what the plans include. Read in November 2026.
export const WORKERS = {
  // https://developers.cloudflare.com/workers/platform/pricing/ (Standard: wall time is not billed)
  perRequest: 0.3 / MILLION,
  perCpuMs: 0.02 / MILLION,
};
const LAMBDA = {
  // https://aws.amazon.com/lambda/pricing/ (us-east-1, arm64, first tier: wall time is billed, by memory)
  perRequest: 0.2 / MILLION,
  perGbSecond: 0.0000133334,
  // One whole vCPU, as the machine of the bench has (https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html).
  memoryMb: 1_769,
};

export const cost: Measure<Cost[]> = {
  name: "cost",
  key: "cost",
  run: async ({ measured, log }) => {
    const trips = await measured(roundTrips);
    const costs = (await measured(cpu)).flatMap((each) => [
      price(each, "sluice", each.sluiceMs, each.sluiceDrainWallMs, trips.sluice.drain),
      price(each, "nats.js", each.natsjsMs, each.natsjsDrainWallMs, trips.natsjs.drain),
    ]);
    log(`\n${markdown(costs)}\n`);
    return costs;
  },
  rows: (costs) =>
    pairs(costs).map(([sluice, natsjs]) => ({
      what: `a million messages on ${sluice.platform}, ${sluice.batch} a drain`,
      sluice: dollars(sluice),
      peer: dollars(natsjs),
    })),
};

function price(
  { runtime, batch }: Cpu,
  contender: Cost["contender"],
  cpuMsPerThousand: number,
  drainWallMs: number,
  tripsFromOpen: number,
): Cost {
  const requests = MILLION / batch;
  const cpuMs = cpuMsPerThousand * (MILLION / 1_000);
  const wallMs = requests * (drainWallMs + (ROUND_TRIPS_TO_OPEN + tripsFromOpen) * ROUND_TRIP_MS);
  const gbSeconds = (wallMs / 1_000) * (LAMBDA.memoryMb / 1_024);
  const figures = { contender, batch, requests, cpuMs: round(cpuMs, 0), wallMs: round(wallMs, 0) };
  return runtime === "workerd"
    ? { platform: "Workers", ...figures, dollars: requests * WORKERS.perRequest + cpuMs * WORKERS.perCpuMs }
    : {
        platform: "Lambda",
        ...figures,
        dollars: requests * LAMBDA.perRequest + gbSeconds * LAMBDA.perGbSecond,
      };
}

/** Sluice's and nats.js's, side by side: they were made in that order. */
function pairs(costs: readonly Cost[]): [sluice: Cost, natsjs: Cost][] {
  return costs.flatMap((sluice, at): [Cost, Cost][] => {
    const natsjs = costs[at + 1];
    return sluice.contender === "sluice" && natsjs ? [[sluice, natsjs]] : [];
  });
}

function markdown(costs: readonly Cost[]): string {
  const head =
    "| platform | messages a drain | | requests | CPU ms | wall ms | US$ |\n|---|---|---|---|---|---|---|";
  const figure = (value: number): string => value.toLocaleString("en-US");
  const lines = costs.map((each) => {
    const { platform, contender, batch, requests, cpuMs, wallMs } = each;
    const cells = [
      platform,
      figure(batch),
      contender,
      figure(requests),
      figure(cpuMs),
      figure(wallMs),
      dollars(each),
    ];
    return `| ${cells.join(" | ")} |`;
  });
  return [head, ...lines].join("\n");
}

function dollars({ dollars: amount }: Cost): string {
  return `$${amount.toPrecision(2)}`;
}
