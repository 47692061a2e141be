// What the contenders are measured on: one real server, streams that are filled once, and a fresh consumer for every run. A run
// counts only when the server, too, says that each message was delivered once and acked.
import { setTimeout as sleep } from "node:timers/promises";
import { type ConsumerConfig, jetstreamManager, StorageType } from "@nats-io/jetstream";
import { NANOS_PER_MS } from "../../src/deadline.ts";
import { ADMIN_USER, startTestServer, type TestServer, type TestServerOptions } from "../support/nats.ts";
import type { Job } from "./contenders.ts";

export interface Bed extends AsyncDisposable {
  readonly server: TestServer;
  /** Makes a stream with so many messages of so many bytes, in memory, so that no disk is measured. Returns its name. */
  fill(messages: number, bytes: number): Promise<string>;
  /**
   * Runs `work` with a fresh consumer of the stream and a job on it, and checks with the server that it delivered `job.messages`, each
   * once, and has all of their acks.
   *
   * @param options `times`: how often `work` does the job. `redeliveries`: it provokes some, and only the acks are checked.
   */
  withConsumer<T>(job: BedJob, work: (job: Job) => Promise<T>, options?: RunOptions): Promise<T>;
}

/** A job, without what the bed knows; `url` only where it is not the server's own. */
export type BedJob = Pick<Job, "stream" | "messages" | "batch" | "maxWaitMs"> &
  Partial<Pick<Job, "maxBytes" | "heartbeatMs" | "concurrency" | "waitUntilMs" | "collect">> & {
    readonly url?: string;
  };

interface RunOptions {
  readonly config?: Partial<ConsumerConfig>;
  readonly times?: number;
  readonly redeliveries?: boolean;
}

const SETTLE_TIMEOUT_MS = 5_000;

export async function makeBed(options: TestServerOptions = {}): Promise<Bed> {
  const server = await startTestServer(options);
  let made = 0;
  const withConsumer: Bed["withConsumer"] = async (
    job,
    work,
    { config, times = 1, redeliveries = false } = {},
  ) => {
    made += 1;
    const consumer = `run-${made}`;
    await server.createConsumer(job.stream, consumer, {
      // As much in flight as there is: the default of 1,000 would measure the server's wait for acks.
      max_ack_pending: -1,
      ack_wait: 60_000 * NANOS_PER_MS,
      mem_storage: true,
      ...config,
    });
    try {
      // A user without a list of permissions: for one with a list nats-server looks up the subject of every ack, which takes it
      // longer than either client.
      const result = await work({ url: server.wsUrl, ...ADMIN_USER, ...job, consumer });
      await expectAllAcked(server, job.stream, consumer, job.messages * times, redeliveries);
      return result;
    } finally {
      await (await jetstreamManager(await server.admin())).consumers.delete(job.stream, consumer);
    }
  };
  const fill: Bed["fill"] = async (messages, bytes) => {
    made += 1;
    const stream = `BENCH-${made}`;
    await server.createStream(stream, { storage: StorageType.Memory });
    await server.publish(`${stream}.message`, messages, bytes);
    return stream;
  };
  return { server, fill, withConsumer, [Symbol.asyncDispose]: () => server.stop() };
}

/** An ack that has reached the server may still be on its way to the consumer, so this waits a little. */
async function expectAllAcked(
  server: TestServer,
  stream: string,
  consumer: string,
  messages: number,
  redeliveries: boolean,
): Promise<void> {
  const until = performance.now() + SETTLE_TIMEOUT_MS;
  for (;;) {
    const { delivered, ackPending, redelivered, ackFloor } = await server.consumerState(stream, consumer);
    const once = delivered === messages && redelivered === 0;
    if ((once || redeliveries) && ackPending === 0 && ackFloor === messages) return;
    if (performance.now() > until) {
      const found = `${delivered} deliveries, ${redelivered} redelivered, ${ackPending} not acked, all acked up to ${ackFloor}`;
      throw new Error(
        `a run lost or duplicated messages: the server counts ${found}; there were ${messages}`,
      );
    }
    await sleep(5);
  }
}
