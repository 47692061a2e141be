// The tail: a batch of 100 for which there are 3 messages, and the time from the last of them to the end of the drain.
import { startProxy } from "../support/proxy.ts";
import type { Measure } from "./bench.ts";
import { countFlights, watchProxy } from "./flights.ts";
import { alternate, median, round } from "./stats.ts";

export interface Tail {
  readonly roundTripMs: number;
  readonly maxWaitMs: number;
  readonly sluiceMs: number;
  readonly natsjsMs: number;
  readonly sluiceRoundTrips: number;
}

const LATENCY_MS = 50;
const MESSAGES = 3;
const BATCH = 100;
const MAX_WAIT_MS = 2_000;
// Timers and an unwarmed process; a second round trip would be 1.
const ALLOWED_OVER = 0.2;

export const tail: Measure<Tail> = {
  name: "tail",
  key: "tail",
  run: async ({ bed, node, rounds, log }) => {
    const stream = await bed.fill(MESSAGES, 128);
    const tails = await alternate(["sluice", "natsjs"], rounds({ count: 3, warmUps: 1 }), async (side) => {
      await using proxy = await startProxy({ target: { host: "127.0.0.1", port: bed.server.ports.ws } });
      proxy.latencyMs = LATENCY_MS;
      const seen = watchProxy(proxy);
      const job = { stream, messages: MESSAGES, batch: BATCH, maxWaitMs: MAX_WAIT_MS, url: proxy.url() };
      const endedAt = await bed.withConsumer(job, async (each) => {
        await node.run(side, each);
        return performance.now();
      });
      return endedAt - countFlights(seen, LATENCY_MS, endedAt).lastDelivery.at;
    });
    const [sluiceMs, natsjsMs] = [median(tails.sluice), median(tails.natsjs)];
    log(`tail: ${round(sluiceMs)} ms after the last message, nats.js ${round(natsjsMs)} ms`);
    return {
      roundTripMs: 2 * LATENCY_MS,
      maxWaitMs: MAX_WAIT_MS,
      sluiceMs: round(sluiceMs),
      natsjsMs: round(natsjsMs),
      sluiceRoundTrips: round(sluiceMs / (2 * LATENCY_MS), 2),
    };
  },
  rows: (result) => [
    {
      what: `tail of a short batch (${MESSAGES} of ${BATCH}), round trip ${result.roundTripMs} ms`,
      sluice: `${result.sluiceMs} ms`,
      peer: `${result.natsjsMs} ms`,
      got: `${result.sluiceRoundTrips} round trips`,
      target: "one round trip",
      met: result.sluiceRoundTrips < 1 + ALLOWED_OVER,
    },
  ],
};
