// One random life of a consumer: drains with random budgets and handlers, faults at random moments, and, after the dust has
// settled, a look at whether anything was lost, burnt or counted wrong.
import * as fc from "fast-check";
import { expect } from "vitest";
import {
  defineDrain,
  type Handler,
  LEAST_LIMIT_MS,
  type Message,
  type Report,
  reject,
  retry,
} from "../../src/index.ts";
import type { TestServer } from "../support/nats.ts";
import { startProxy, type TestProxy } from "../support/proxy.ts";
import { stalledMs } from "./stalls.ts";

/** What goes wrong on the way to the server. */
type NetworkFault = "cut" | "half-open" | "deaf" | "mute" | "blackhole" | "slow" | "refuse" | "restore";
/** What goes wrong with the server itself; a lane of its own has a server of its own for it. */
export type ServerFault = "freeze" | "thaw" | "kill";

interface TimedFault {
  /** Milliseconds after its drain has started. */
  readonly atMs: number;
  readonly what: NetworkFault | ServerFault;
}

type Behaviour = "return" | "resolve" | "slow" | "throw" | "retry" | "reject" | "ignore-signal";

interface PlannedDrain {
  readonly limitMs: number;
  readonly batch: number;
  readonly fetches: number;
  readonly concurrency: number;
  readonly maxWaitMs: number;
  readonly fill: boolean;
  readonly faults: readonly TimedFault[];
}

export interface Schedule {
  readonly messages: number;
  /** How the handler behaves for the message of that sequence, repeated; from its third delivery on it just succeeds. */
  readonly behaviours: readonly Behaviour[];
  readonly drains: readonly PlannedDrain[];
}

export interface World {
  readonly server: () => TestServer;
  /** Does it to the server, where the lane has one of its own. */
  readonly harm: (fault: ServerFault) => Promise<void>;
}

const ACK_WAIT_MS = 1_000;
// Three deliveries of each message, each an ack wait or a handler of 1.7 s apart, on a machine that lives 16 of these at once.
const SETTLING_MS = 4 * (ACK_WAIT_MS + 2_000);
const NETWORK_FAULTS = [
  "cut",
  "half-open",
  "deaf",
  "mute",
  "blackhole",
  "slow",
  "refuse",
  "restore",
] as const;
const SERVER_FAULTS = ["freeze", "thaw", "kill"] as const;

/** Random schedules. */
export function schedules(withServerFaults: boolean): fc.Arbitrary<Schedule> {
  const what = fc.constantFrom<TimedFault["what"]>(
    ...NETWORK_FAULTS,
    ...(withServerFaults ? SERVER_FAULTS : []),
  );
  const drain = fc.record({
    limitMs: fc.integer({ min: LEAST_LIMIT_MS, max: 1_600 }),
    batch: fc.integer({ min: 1, max: 25 }),
    fetches: fc.integer({ min: 1, max: 3 }),
    concurrency: fc.integer({ min: 1, max: 4 }),
    maxWaitMs: fc.integer({ min: 0, max: 800 }),
    fill: fc.boolean(),
    faults: fc.array(fc.record({ atMs: fc.integer({ min: 0, max: 700 }), what }), { maxLength: 3 }),
  });
  return fc.record({
    messages: fc.integer({ min: 1, max: 20 }),
    behaviours: fc.array(
      fc.constantFrom<Behaviour>(
        "return",
        "resolve",
        "resolve",
        "slow",
        "throw",
        "retry",
        "reject",
        "ignore-signal",
      ),
      { minLength: 1, maxLength: 8 },
    ),
    drains: fc.array(drain, { minLength: 1, maxLength: 3 }),
  });
}

let made = 0;

/** Lives through a schedule and checks it; throws an assertion's error when a promise was broken. */
export async function live(schedule: Schedule, world: World): Promise<void> {
  made += 1;
  const stream = `LIFE${made}`;
  await world.server().createStream(stream);
  await world
    .server()
    .createConsumer(stream, "worker", { ack_wait: ACK_WAIT_MS * 1e6, max_ack_pending: 1_000 });
  await world.server().publish(`${stream}.event`, schedule.messages);
  const proxy = await startProxy({ target: { host: "127.0.0.1", port: world.server().ports.ws } });
  const diary = new Diary(schedule);
  try {
    for (const planned of schedule.drains) {
      const drain = defineOne(proxy.url(), stream, planned, diary.handler);
      await diary.record(planned.limitMs, () =>
        withFaults(planned.faults, proxy, world, () => drain.run(planned)),
      );
    }
    await world.harm("thaw");
    const settledAt = Date.now();
    // The dust settles: every message is due again after its ack wait or its delay, and then there is nothing left.
    for (;;) {
      const { pending, ackPending } = await world.server().consumerState(stream, "worker");
      if (pending + ackPending === 0) break;
      const stuck = `${pending} pending and ${ackPending} unacked are stuck longer than ack wait and retries explain`;
      expect(Date.now() - settledAt, stuck).toBeLessThan(SETTLING_MS);
      const limitMs = 4_000;
      const clean = { ...CLEAN, limitMs, maxWaitMs: ACK_WAIT_MS + 200, batch: ackPending + pending };
      await diary.record(limitMs, () =>
        defineOne(world.server().wsUrl, stream, clean, diary.handler).run({ limitMs }),
      );
    }
    diary.check();
    const { ackFloor, redelivered } = await world.server().consumerState(stream, "worker");
    expect({ ackFloor, redelivered }).toEqual({ ackFloor: schedule.messages, redelivered: 0 });
  } finally {
    await proxy.stop();
  }
}

const CLEAN: Omit<PlannedDrain, "limitMs" | "maxWaitMs" | "batch"> = {
  fetches: 1,
  concurrency: 4,
  fill: true,
  faults: [],
};

function defineOne(servers: string, stream: string, planned: PlannedDrain, handler: Handler) {
  const { batch, fetches, concurrency, maxWaitMs, fill } = planned;
  return defineDrain({
    ...{ servers, stream, consumer: "worker", auth: { user: "drain", password: "drain-pw" }, handler },
    ...{ batch, fetches, concurrency, maxWaitMs, fill, retryDelay: () => 200 },
  });
}

/** Runs a drain while the faults happen at their times; what is left of them is undone with its end. */
async function withFaults(
  faults: readonly TimedFault[],
  proxy: TestProxy,
  world: World,
  drain: () => Promise<Report>,
): Promise<Report> {
  const done: Promise<void>[] = [];
  const timers = faults.map(({ atMs, what }) =>
    setTimeout(() => {
      done.push(cause(what, proxy, world));
    }, atMs),
  );
  try {
    return await drain();
  } finally {
    timers.forEach(clearTimeout);
    await Promise.all(done);
    await world.harm("thaw");
    proxy.restore();
    proxy.latencyMs = 0;
    proxy.cut();
  }
}

async function cause(what: TimedFault["what"], proxy: TestProxy, world: World): Promise<void> {
  switch (what) {
    case "cut":
      return proxy.cut();
    case "half-open":
      return proxy.halfOpen();
    case "deaf":
      return proxy.blackhole("down");
    case "mute":
      return proxy.blackhole("up");
    case "blackhole":
      return proxy.blackhole("both");
    case "slow":
      proxy.latencyMs = 60;
      return;
    case "refuse":
      return proxy.refuseNew();
    case "restore":
      return proxy.restore();
    default:
      return await world.harm(what);
  }
}

/** What was seen of each message, and what the reports said. */
class Diary {
  readonly #schedule: Schedule;
  readonly #handled = new Map<number, number>();
  readonly #deliveries = new Map<number, number>();
  /** Messages that a drain whose report left nothing unconfirmed has settled for good. */
  readonly #final = new Set<number>();
  /** Messages that came again after that. */
  readonly #again: number[] = [];
  #settledNow = new Set<number>();
  #drains = 0;

  constructor(schedule: Schedule) {
    this.#schedule = schedule;
  }

  readonly handler: Handler = (message, { signal }) => {
    const { sequence, deliveryCount } = message;
    // Kept for check(): an error thrown here would be a handler's, and the drain would only retry the message.
    if (this.#final.has(sequence)) this.#again.push(sequence);
    this.#handled.set(sequence, (this.#handled.get(sequence) ?? 0) + 1);
    this.#deliveries.set(sequence, Math.max(this.#deliveries.get(sequence) ?? 0, deliveryCount));
    return this.#behave(message, signal);
  };

  #behave(message: Message, signal: AbortSignal): ReturnType<Handler> {
    const { behaviours } = this.#schedule;
    // A handler that was given up settles nothing, whatever it does.
    const settled = (): void => {
      if (!signal.aborted) this.#settledNow.add(message.sequence);
    };
    const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
    const behaviour =
      message.deliveryCount >= 3 ? "return" : behaviours[message.sequence % behaviours.length];
    switch (behaviour) {
      case "resolve":
        return wait(2).then(settled);
      case "slow":
        return wait(80).then(settled);
      case "throw":
        throw new Error("as planned");
      case "retry":
        return retry({ delayMs: 150 });
      case "reject":
        settled();
        return reject("as planned");
      case "ignore-signal":
        // Longer than the budget, once: it is given up, and what it does afterwards must not count.
        return wait(signal.aborted ? 0 : 1_700).then(() => undefined);
      default:
        settled();
        return undefined;
    }
  }

  /** Runs a drain and holds its report to the promises of every report. */
  async record(limitMs: number, drain: () => Promise<Report>): Promise<void> {
    this.#drains += 1;
    this.#settledNow = new Set();
    const startedAt = performance.now();
    const report = await drain();
    const tookMs = performance.now() - startedAt;
    const allowedMs = limitMs + stalledMs(startedAt);
    const { fetched, acked, retried, rejected, deadLettered, released, unconfirmed } = report;
    expect(acked + retried + rejected + deadLettered + released + unconfirmed).toBe(fetched);
    expect(report.timings.totalMs, "run() returns before its limit").toBeLessThanOrEqual(allowedMs);
    // The faults are undone within what is measured here.
    expect(tookMs).toBeLessThan(allowedMs + 1_000);
    if (unconfirmed > 0) {
      expect(report.outcome).not.toBe("completed");
      return;
    }
    for (const sequence of this.#settledNow) this.#final.add(sequence);
    expect(acked + rejected).toBeLessThanOrEqual(this.#schedule.messages);
  }

  /** Every message was handled, and none was delivered more often than the drains explain. */
  check(): void {
    expect(this.#again, "messages that came again after their settlement was confirmed").toEqual([]);
    for (let sequence = 1; sequence <= this.#schedule.messages; sequence += 1) {
      expect(this.#handled.get(sequence) ?? 0, `message ${sequence} was handled`).toBeGreaterThanOrEqual(1);
      // A drain sees a message again only when it asked for that: twice for a throw or a retry, and then it succeeds.
      expect(this.#deliveries.get(sequence) ?? 0).toBeLessThanOrEqual(this.#drains + 2);
    }
  }
}
