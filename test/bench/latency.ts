// From publish to handled with `until: "limit"`, over ticks whose drains overlap: messages come at random moments, one by one.
import { jetstream } from "@nats-io/jetstream";
import { ADMIN_USER } from "../support/nats.ts";
import { runTicks } from "../support/ticks.ts";
import type { Measure } from "./bench.ts";
import { percentile, round } from "./stats.ts";

export interface Latency {
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** From one tick to the next. */
  readonly everyMs: number;
  /** Each message: when it was published since the first tick, and how long it waited, in milliseconds. */
  readonly samples: readonly (readonly [atMs: number, waitMs: number])[];
}

const TICKS = 2;
const MESSAGES = 400;
const EVERY_MS = 10_000;
const OVERLAP_MS = 3_000;
const MAX_MS = 250;

export const latency: Measure<Latency> = {
  name: "latency",
  key: "latency",
  run: async ({ bed, log, rounds }) => {
    const { count } = rounds({ count: TICKS, warmUps: 0 });
    const stream = await bed.fill(0, 0);
    const consumer = "latency";
    await bed.server.createConsumer(stream, consumer);
    const client = jetstream(await bed.server.admin());
    const { waits, handlings } = await runTicks({
      drain: {
        servers: bed.server.wsUrl,
        auth: { user: ADMIN_USER.user, password: ADMIN_USER.pass },
        stream,
        consumer,
      },
      everyMs: EVERY_MS,
      limitMs: EVERY_MS + OVERLAP_MS,
      ticks: count,
      messages: MESSAGES,
      publish: async (body) => void (await client.publish(`${stream}.message`, body)),
    });
    if (handlings !== MESSAGES)
      throw new Error(`latency: ${MESSAGES} messages were handled ${handlings} times`);
    const [p50Ms, p99Ms] = [50, 99].map((percent) =>
      round(
        percentile(
          waits.map(({ waitMs }) => waitMs),
          percent,
        ),
        2,
      ),
    ) as [number, number]; // one for each
    log(
      `latency: p50 ${p50Ms} ms, p99 ${p99Ms} ms, ${MESSAGES} messages over ${count} ticks of ${EVERY_MS / 1_000} s`,
    );
    const samples = waits.map(({ atMs, waitMs }) => [round(atMs, 0), round(waitMs, 2)] as const);
    return { p50Ms, p99Ms, everyMs: EVERY_MS, samples };
  },
  rows: ({ p50Ms, p99Ms }) => [
    {
      what: `publish to handled, until "limit", ${MESSAGES} messages at random moments over ${TICKS} ticks`,
      sluice: `p50 ${p50Ms} ms`,
      peer: "",
      got: `p99 ${p99Ms} ms`,
      target: `at most ${MAX_MS} ms`,
      met: p99Ms <= MAX_MS,
    },
  ],
};
