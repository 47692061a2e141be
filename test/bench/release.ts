// Release: a drain is cut by its deadline with messages in hand that no handler has started. When does another drain have them?
import { setTimeout as sleep } from "node:timers/promises";
import { jetstream } from "@nats-io/jetstream";
import { wsconnect } from "@nats-io/nats-core";
import { NANOS_PER_MS } from "../../src/deadline.ts";
import { defineDrain } from "../../src/index.ts";
import type { Measure } from "./bench.ts";
import type { Job } from "./contenders.ts";
import { alternate, median, round } from "./stats.ts";

export interface Release {
  readonly ackWaitMs: number;
  /** From the cut to the last leftover's handler in another drain. */
  readonly sluiceMs: number;
  readonly natsjsMs: number;
}

const MESSAGES = 40;
const HANDLER_MS = 100;
const LIMIT_MS = 2_000;
// nats-server's default is 30 s; a sixth of it keeps the bench short, and what nats.js needs is a little less than it.
const ACK_WAIT_MS = 5_000;
const MAX_MS = 1_500;

export const release: Measure<Release> = {
  name: "release",
  key: "release",
  run: async ({ bed, rounds, log }) => {
    const stream = await bed.fill(MESSAGES, 128);
    const afterMs = await alternate(["sluice", "natsjs"], rounds({ count: 3, warmUps: 0 }), async (side) => {
      const job = { stream, messages: MESSAGES, batch: MESSAGES, maxWaitMs: 5_000 };
      return await bed.withConsumer(
        job,
        async (each) => {
          const cut = side === "sluice" ? await cutSluice(each) : await cutNatsjs(each);
          const cutAt = performance.now();
          return (await handleElsewhere(each, MESSAGES - cut)) - cutAt;
        },
        { config: { ack_wait: ACK_WAIT_MS * NANOS_PER_MS }, redeliveries: true },
      );
    });
    const [sluiceMs, natsjsMs] = [round(median(afterMs.sluice), 0), round(median(afterMs.natsjs), 0)];
    log(`release: a leftover is handled elsewhere after ${sluiceMs} ms, nats.js ${natsjsMs} ms`);
    return { ackWaitMs: ACK_WAIT_MS, sluiceMs, natsjsMs };
  },
  rows: (result) => [
    {
      what: `release: the last leftover of a deadline cut, handled elsewhere (ack wait ${result.ackWaitMs} ms)`,
      sluice: `${result.sluiceMs} ms`,
      peer: `${result.natsjsMs} ms`,
      got: `${result.sluiceMs} ms`,
      target: `under ${MAX_MS} ms`,
      met: result.sluiceMs < MAX_MS,
    },
  ],
};

/** Resolves when the drain has ended, to the number of messages it has handled. */
async function cutSluice({ url, user, pass, stream, consumer, batch }: Job): Promise<number> {
  const drain = defineDrain({
    servers: url,
    auth: { user, password: pass },
    stream,
    consumer,
    batch,
    // By itself a drain asks for no more than its handlers can take before the limit, and nothing is left over.
    prefetch: batch,
    handler: () => sleep(HANDLER_MS),
  });
  const report = await drain.run({ limitMs: LIMIT_MS });
  if (report.reason !== "deadline" || report.released === 0)
    throw new Error(`not cut: ${JSON.stringify(report)}`);
  return report.acked;
}

/** The documented loop, left with `break` when its time is up. */
async function cutNatsjs({ url, user, pass, stream, consumer, batch, maxWaitMs }: Job): Promise<number> {
  const deadline = performance.now() + LIMIT_MS;
  const nc = await wsconnect({ servers: url, user, pass });
  const messages = await (await jetstream(nc).consumers.get(stream, consumer)).fetch({
    max_messages: batch,
    expires: maxWaitMs,
  });
  let handled = 0;
  for await (const message of messages) {
    await sleep(HANDLER_MS);
    message.ack();
    handled += 1;
    if (performance.now() + HANDLER_MS > deadline) break;
  }
  await nc.drain();
  return handled;
}

/** Another drain, which waits for so many messages. Resolves to when it had handled the last of them. */
async function handleElsewhere(
  { url, user, pass, stream, consumer }: Job,
  leftover: number,
): Promise<number> {
  let lastAt = Number.NaN;
  const drain = defineDrain({
    servers: url,
    auth: { user, password: pass },
    stream,
    consumer,
    batch: leftover,
    fill: true,
    maxWaitMs: 3 * ACK_WAIT_MS,
    handler: () => {
      lastAt = performance.now();
    },
  });
  const report = await drain.run({ limitMs: 6 * ACK_WAIT_MS });
  if (report.acked !== leftover) throw new Error(`${leftover} were left over: ${JSON.stringify(report)}`);
  return lastAt;
}
