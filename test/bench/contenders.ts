// The contenders, the same code in Node and in workerd: Sluice, what a user would write with nats.js, and the floor under both.
import { jetstream } from "@nats-io/jetstream";
import { createInbox, type NatsConnection, wsconnect } from "@nats-io/nats-core";
import { NANOS_PER_MS } from "../../src/deadline.ts";
import { defineDrain } from "../../src/index.ts";

/** One invocation's work: what is there, where, and how it is asked for. */
export interface Job {
  readonly url: string;
  readonly user: string;
  readonly pass: string;
  readonly stream: string;
  readonly consumer: string;
  /** Messages that are there for it. */
  readonly messages: number;
  /** Messages that one Fetch asks for. */
  readonly batch: number;
  /** Longest wait of a Fetch; nats.js refuses less than 1,000. */
  readonly maxWaitMs: number;
  /** Bytes that one Fetch asks for beside `batch`. nats.js is not asked: its fetch throws when the server keeps to them. */
  readonly maxBytes?: number | undefined;
  readonly heartbeatMs?: number | undefined;
  /** Sluice's alone: the others handle one message after the other. @default its own */
  readonly concurrency?: number | undefined;
  /** Sluice's alone: wait for more until this limit. @default it ends when nothing is left */
  readonly waitUntilMs?: number | undefined;
  /** Collect garbage at each message, where the process allows it: what memory is left is in use. */
  readonly collect?: boolean | undefined;
}

/** What an invocation came to, as it says itself. */
export interface Done {
  readonly handled: number;
  /** From its first line to its last, connecting and closing included. */
  readonly wallMs: number;
}

export const CONTENDERS = ["sluice", "natsjs", "floor"] as const;
export type Contender = (typeof CONTENDERS)[number];

/** The cron triggers of the fixture Worker, and whose each is. */
export const CRON = { sluice: "1 * * * *", natsjs: "2 * * * *" } as const;

/** Does the job as the contender would. Rejects when it did not end as it should. */
export async function contend(contender: Contender, job: Job): Promise<Done> {
  const startedAt = performance.now();
  const handled = await DRAINS[contender](job);
  return { handled, wallMs: performance.now() - startedAt };
}

const DRAINS: Readonly<Record<Contender, (job: Job) => Promise<number>>> = {
  sluice: drainWithSluice,
  natsjs: drainWithNatsjs,
  floor: drainBare,
};

const LIMIT_MS = 120_000;

async function drainWithSluice({ url, user, pass, messages, maxBytes, ...job }: Job): Promise<number> {
  let handled = 0;
  const drain = defineDrain({
    servers: url,
    auth: { user, password: pass },
    stream: job.stream,
    consumer: job.consumer,
    batch: job.batch,
    maxWaitMs: job.maxWaitMs,
    heartbeatMs: job.heartbeatMs,
    concurrency: job.concurrency,
    maxBytes,
    until: job.waitUntilMs === undefined ? "empty" : "limit",
    fetches: maxBytes === undefined ? Math.max(1, Math.ceil(messages / job.batch)) : messages,
    handler: () => {
      if (job.collect) globalThis.gc?.();
      handled += 1;
    },
  });
  const report = await drain.run({ limitMs: job.waitUntilMs ?? LIMIT_MS });
  if (report.outcome !== "completed" || report.acked !== handled) throw new Error(JSON.stringify(report));
  return handled;
}

/**
 * What the documentation of nats.js shows, with the settings that are best for it here: "Fetching messages" in the README of
 * @nats-io/jetstream (`consumers.get`, `fetch`, `for await`, `ack`), and `drain()` of the README of @nats-io/nats-core, without which
 * the last acks are lost. `noAsyncTraces` and one large `max_messages` only make it faster.
 */
async function drainWithNatsjs({ url, user, pass, messages, ...job }: Job): Promise<number> {
  const nc = await wsconnect({ servers: url, user, pass, noAsyncTraces: true });
  const js = jetstream(nc);
  const consumer = await js.consumers.get(job.stream, job.consumer);
  const heartbeat = job.heartbeatMs === undefined ? {} : { idle_heartbeat: job.heartbeatMs };
  let handled = 0;
  do {
    const batch = await consumer.fetch({ max_messages: job.batch, ...heartbeat, expires: job.maxWaitMs });
    for await (const message of batch) {
      if (job.collect) globalThis.gc?.();
      handled += 1;
      message.ack();
    }
  } while (handled < messages);
  await nc.drain();
  return handled;
}

const ACK = new TextEncoder().encode("+ACK");

/** The floor: a bare subscription whose callback publishes `+ACK`. No handler, no accounting, no watch: it only works when nothing fails. */
async function drainBare({ url, user, pass, messages, ...job }: Job): Promise<number> {
  const nc = await wsconnect({ servers: url, user, pass, noAsyncTraces: true });
  let handled = 0;
  while (handled < messages) handled += await pullBare(nc, job);
  await nc.flush();
  await nc.close();
  return handled;
}

function pullBare(
  nc: NatsConnection,
  job: Pick<Job, "stream" | "consumer" | "batch" | "maxWaitMs">,
): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  const inbox = createInbox();
  let handled = 0;
  const subscription = nc.subscribe(inbox, {
    callback: (_, message) => {
      if (!message.reply) return message.headers?.code === 100 ? undefined : resolve(handled);
      nc.publish(message.reply, ACK);
      handled += 1;
      if (handled < job.batch) return;
      subscription.unsubscribe();
      resolve(handled);
    },
  });
  const expires = job.maxWaitMs * NANOS_PER_MS;
  const pull = {
    batch: job.batch,
    expires,
    no_wait: true,
    idle_heartbeat: Math.min(1_000 * NANOS_PER_MS, expires / 3),
  };
  nc.publish(`$JS.API.CONSUMER.MSG.NEXT.${job.stream}.${job.consumer}`, JSON.stringify(pull), {
    reply: inbox,
  });
  return promise;
}
