// One random life of a consumer: drains with random budgets and handlers, several at once, faults at random moments, and,
// after the dust has settled, a look at whether anything was lost, spent in vain or counted wrong.
import { jetstreamManager, StorageType } from "@nats-io/jetstream";
import { expect } from "vitest";
import { type DrainOptions, defineDrain } from "../../src/index.ts";
import type { TestServer } from "../support/nats.ts";
import { startProxy } from "../support/proxy.ts";
import { Diary } from "./diary.ts";
import { withFaults } from "./faults.ts";
import type { PlannedDrain, Schedule, ServerFault } from "./plan.ts";

export interface World {
  readonly server: () => TestServer;
  /** Does it to the server, where the lane has one of its own. */
  readonly harm: (fault: ServerFault) => Promise<void>;
  /** Whether the server is killed: what it has must be on disk. */
  readonly isKilled: boolean;
}

const ACK_WAIT_MS = 1_000;
const BACKOFF_MS = [300, 600];
// Each delivery of each message, an ack wait or a handler of 1.7 s apart, on a machine that lives many of these at once.
const SETTLING_MS = 7 * (ACK_WAIT_MS + 2_000);
const SETTLING_DRAINS = 15;
const CLEAN = { fetches: 1, concurrency: 4, fill: true, isBatch: false, limitMs: 4_000 };
const MAX_WAIT_MS = ACK_WAIT_MS + 200;

let made = 0;

/** Lives through a schedule and checks it; throws an assertion's error when a promise was broken. */
export async function live(schedule: Schedule, world: World): Promise<void> {
  made += 1;
  const life = new Life(`LIFE${made}`, schedule, world);
  await life.begin();
  const proxy = await startProxy({ target: { host: "127.0.0.1", port: world.server().ports.ws } });
  try {
    const victims = {
      proxy,
      harm: (fault: ServerFault) => life.harm(fault),
      deadLetters: (present: boolean) => life.deadLetters(present),
    };
    for (const { drains, faults } of schedule.rounds)
      await withFaults(faults, victims, () =>
        Promise.all(drains.map((planned) => life.drain(proxy.url(), planned))),
      );
    await life.harm("thaw");
    await life.deadLetters(true);
    await life.settle();
    await life.check();
    await life.end();
  } finally {
    await proxy.stop();
  }
}

class Life {
  readonly #stream: string;
  readonly #dead: string;
  readonly #schedule: Schedule;
  readonly #world: World;
  readonly #diary: Diary;
  /** Server faults happen one after the other. */
  #last: Promise<void> = Promise.resolve();
  #deliveredWhenFrozen: number | undefined;

  constructor(stream: string, schedule: Schedule, world: World) {
    this.#stream = stream;
    this.#dead = `DEAD-${stream}`;
    this.#schedule = schedule;
    this.#world = world;
    this.#diary = new Diary(schedule, world.server().version);
  }

  async begin(): Promise<void> {
    const { messages, maxDeliver, backoff } = this.#schedule;
    const server = this.#world.server();
    const storage = this.#world.isKilled ? StorageType.File : StorageType.Memory;
    await server.createStream(this.#stream, { storage });
    await server.createStream(this.#dead, { storage, subjects: [this.#deadSubject(true)] });
    // nats-server wants fewer steps than deliveries; 2.9 takes none where those have no limit.
    const mostSteps = maxDeliver ?? (server.version.startsWith("2.9.") ? 0 : Number.POSITIVE_INFINITY);
    const hasBackoff = backoff && mostSteps > BACKOFF_MS.length;
    await server.createConsumer(this.#stream, "worker", {
      ack_wait: ACK_WAIT_MS * 1e6,
      max_ack_pending: 1_000,
      ...(maxDeliver === undefined ? {} : { max_deliver: maxDeliver }),
      ...(hasBackoff ? { backoff: BACKOFF_MS.map((ms) => ms * 1e6) } : {}),
    });
    await server.publish(`${this.#stream}.event`, messages);
  }

  async end(): Promise<void> {
    const { streams } = await this.#manager();
    await streams.delete(this.#stream);
    await streams.delete(this.#dead);
  }

  async drain(servers: string, planned: PlannedDrain): Promise<void> {
    const { batch, fetches, concurrency, maxWaitMs, fill, limitMs, isBatch } = planned;
    const { deadLetter, maxDeliveries } = this.#schedule;
    const page = this.#diary.page();
    const user = deadLetter === "copy" ? "admin" : "drain";
    const options = {
      servers,
      stream: this.#stream,
      consumer: "worker",
      auth: { user, password: `${user}-pw` },
      ...(isBatch ? { batchHandler: page.batchHandler } : { handler: page.handler, concurrency }),
      batch,
      fetches,
      maxWaitMs,
      fill,
      retryDelay: () => 200,
      ...(deadLetter === "none" ? {} : { deadLetter: { subject: this.#deadSubject(true), maxDeliveries } }),
    } as DrainOptions; // one of its two shapes
    const drain = defineDrain(options);
    await page.record(limitMs, () => drain.run({ limitMs }));
  }

  /** Every message is due again after its ack wait or its delay, and then there is nothing left. */
  async settle(): Promise<void> {
    const server = this.#world.server();
    const settledAt = Date.now();
    for (let drains = 0; ; drains += 1) {
      const { pending, ackPending } = await server.consumerState(this.#stream, "worker");
      if (pending + ackPending === 0) return;
      const stuck = `${pending} pending and ${ackPending} unacked are stuck longer than ack wait and retries explain`;
      // On a machine that stands still for seconds there are few drains in a long time.
      const isStuck = drains > SETTLING_DRAINS && Date.now() - settledAt > SETTLING_MS;
      expect(isStuck, `${stuck}; ${this.#diary.story}`).toBe(false);
      await this.drain(server.wsUrl, { ...CLEAN, maxWaitMs: MAX_WAIT_MS, batch: ackPending + pending });
    }
  }

  async check(): Promise<void> {
    const state = await this.#world.server().consumerState(this.#stream, "worker");
    const deadLetters = await this.#deadLetters();
    this.#diary.check({ deadLetters, delivered: state.delivered });
    const { messages, maxDeliver, deadLetter } = this.#schedule;
    if (maxDeliver !== undefined || deadLetter === "copy") return;
    expect({ ackFloor: state.ackFloor, redelivered: state.redelivered }).toEqual({
      ackFloor: messages,
      redelivered: 0,
    });
  }

  /** The sequence that each dead letter is of. */
  async #deadLetters(): Promise<number[]> {
    const { streams } = await this.#manager();
    const { state } = await streams.info(this.#dead);
    const sequences: number[] = [];
    for (let seq = Math.max(1, state.first_seq); seq <= state.last_seq; seq += 1) {
      const message = await streams.getMessage(this.#dead, { seq });
      sequences.push(Number(message?.header.get("Sluice-Sequence")));
    }
    return sequences;
  }

  harm(fault: ServerFault): Promise<void> {
    this.#last = this.#last.then(() => this.#harm(fault));
    return this.#last;
  }

  async #harm(fault: ServerFault): Promise<void> {
    if (!this.#world.isKilled) return;
    // A frozen server cannot be asked, and delivers nothing either.
    const delivered = this.#deliveredWhenFrozen ?? (fault === "thaw" ? undefined : await this.#delivered());
    this.#deliveredWhenFrozen = fault === "freeze" ? delivered : undefined;
    if (fault === "kill") this.#diary.serverKilled();
    if (fault === "freeze") this.#diary.serverFrozen(true);
    await this.#world.harm(fault);
    if (fault !== "freeze") this.#diary.serverFrozen(false);
    if (fault !== "kill") return;
    this.#diary.serverKilled();
    this.#diary.deliveriesForgotten((delivered ?? 0) - (await this.#delivered()));
  }

  /** A server that has just started again may refuse the first connection. */
  async #delivered(tries = 20): Promise<number> {
    try {
      return (await this.#world.server().consumerState(this.#stream, "worker")).delivered;
    } catch (error) {
      if (tries === 0) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
      return await this.#delivered(tries - 1);
    }
  }

  async deadLetters(present: boolean): Promise<void> {
    const { streams } = await this.#manager();
    await streams.update(this.#dead, { subjects: [this.#deadSubject(present)] });
  }

  #deadSubject(present: boolean): string {
    return present ? `dlq.${this.#stream}` : `away.${this.#stream}`;
  }

  async #manager() {
    return await jetstreamManager(await this.#world.server().admin());
  }
}
