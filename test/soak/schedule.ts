// One random life of a consumer: drains with random budgets and handlers, faults at random moments, and, after the dust has
// settled, a look at whether anything was lost, spent in vain or counted wrong.
import * as fc from "fast-check";
import { expect } from "vitest";
import { defineDrain, type Handler, MIN_LIMIT_MS, type Report } from "../../src/index.ts";
import type { TestServer } from "../support/nats.ts";
import { startProxy, type TestProxy } from "../support/proxy.ts";
import { type Behaviour, Diary, type Life } from "./diary.ts";

/** What goes wrong on the way to the server. */
type NetworkFault = "cut" | "half-open" | "deaf" | "mute" | "blackhole" | "slow" | "refuse" | "restore";
/** What goes wrong with the server itself; a lane of its own has a server of its own for it. */
export type ServerFault = "freeze" | "thaw" | "kill";

interface TimedFault {
  /** Milliseconds after its drain has started. */
  readonly atMs: number;
  readonly what: NetworkFault | ServerFault;
}

interface PlannedDrain {
  readonly limitMs: number;
  readonly batch: number;
  readonly fetches: number;
  readonly concurrency: number;
  readonly maxWaitMs: number;
  readonly fill: boolean;
  readonly faults: readonly TimedFault[];
}

export interface Schedule extends Life {
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
    limitMs: fc.integer({ min: MIN_LIMIT_MS, max: 1_600 }),
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
  const harm = (fault: ServerFault): Promise<void> => {
    if (fault === "kill") diary.serverKilled();
    return world.harm(fault);
  };
  try {
    for (const planned of schedule.drains) {
      const drain = defineOne(proxy.url(), stream, planned, diary.handler);
      await diary.record(planned.limitMs, () =>
        withFaults(planned.faults, proxy, { ...world, harm }, () => drain.run(planned)),
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
    servers,
    stream,
    consumer: "worker",
    auth: { user: "drain", password: "drain-pw" },
    handler,
    batch,
    fetches,
    concurrency,
    maxWaitMs,
    fill,
    retryDelay: () => 200,
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
