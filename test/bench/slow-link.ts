// A small drain over a slow link: one message and 100, over TLS, with 40 ms a round trip, from the trigger to the report.
import { startProxy } from "../support/proxy.ts";
import { makeBed } from "./bed.ts";
import type { Measure } from "./bench.ts";
import { countRoundTrips, watchProxy } from "./flights.ts";
import { nodeRuntime, type Runtime, workerdRuntime } from "./runtimes.ts";
import { alternate, median, round } from "./stats.ts";

export interface SlowLink {
  readonly runtime: Runtime["name"];
  readonly messages: number;
  readonly roundTripMs: number;
  /** From the trigger to the report, opening the socket included. */
  readonly sluiceMs: number;
  readonly natsjsMs: number;
  /** After the socket is open. */
  readonly sluiceRoundTrips: number;
  readonly natsjsRoundTrips: number;
}

const LATENCY_MS = 20;
const CASES = [
  { messages: 1, most: 3 },
  { messages: 100, most: 4 },
] as const;
const SIDES = ["sluice", "natsjs"] as const;
const ROUNDS = { count: 3, warmUps: 1 };
// TLS 1.3 and the upgrade; the proxy does not delay TCP's handshake. What TLS hides, its records' order tells.
const ROUND_TRIPS_TO_OPEN = 2;

export const slowLink: Measure<SlowLink[]> = {
  name: "slow-link",
  key: "slowLink",
  run: async ({ certificates, rounds, log }) => {
    await using bed = await makeBed({ tls: certificates.good });
    await using node = nodeRuntime();
    await using workerd = await workerdRuntime();
    const results: SlowLink[] = [];
    for (const { messages } of CASES) {
      const stream = await bed.fill(messages, 128);
      for (const runtime of [node, workerd]) {
        const runs = await alternate(SIDES, rounds(ROUNDS), async (side) => {
          await using proxy = await startProxy({ target: { host: "127.0.0.1", port: bed.server.ports.ws } });
          proxy.latencyMs = LATENCY_MS;
          const seen = watchProxy(proxy);
          const url = `wss://localhost:${proxy.port}`;
          const job = { stream, messages, batch: messages, maxWaitMs: 5_000, url };
          return await bed.withConsumer(job, async (each) => {
            const { wallMs } = await runtime.run(side, each);
            const roundTrips = countRoundTrips(seen, LATENCY_MS, performance.now()) - ROUND_TRIPS_TO_OPEN;
            return { wallMs, roundTrips };
          });
        });
        const ms = (side: (typeof SIDES)[number]): number =>
          round(median(runs[side].map((run) => run.wallMs)));
        const trips = (side: (typeof SIDES)[number]): number =>
          median(runs[side].map(({ roundTrips }) => roundTrips));
        const result = {
          runtime: runtime.name,
          messages,
          roundTripMs: 2 * LATENCY_MS,
          sluiceMs: ms("sluice"),
          natsjsMs: ms("natsjs"),
          sluiceRoundTrips: trips("sluice"),
          natsjsRoundTrips: trips("natsjs"),
        };
        const { sluiceMs, natsjsMs, sluiceRoundTrips } = result;
        log(
          `slow link, ${runtime.name}, ${messages}: ${sluiceMs} ms, ${sluiceRoundTrips} round trips, nats.js ${natsjsMs} ms`,
        );
        results.push(result);
      }
    }
    return results;
  },
  rows: (results) =>
    results.map((each) => ({
      what: `TLS, ${each.roundTripMs} ms a round trip, ${each.runtime}: a drain of ${each.messages}`,
      sluice: `${each.sluiceMs} ms`,
      peer: `${each.natsjsMs} ms`,
      got: `${each.sluiceRoundTrips} round trips`,
      target: `at most ${mostOf(each)} once open`,
      met: each.sluiceRoundTrips <= mostOf(each),
    })),
};

function mostOf({ messages }: SlowLink): number {
  return CASES.find((each) => each.messages === messages)?.most ?? 0;
}
