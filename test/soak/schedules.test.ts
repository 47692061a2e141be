// Random schedules of faults against real servers: 32 here, 300 in the matrix, as many as SLUICE_SCHEDULES says in a soak. The seed is printed;
// SLUICE_SEED repeats a run.
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startTestServer, type TestServer } from "../support/nats.ts";
import { tally } from "./diary.ts";
import { type ServerFault, schedules } from "./plan.ts";
import { live, type World } from "./schedule.ts";

const RUNS = Number(process.env.SLUICE_SCHEDULES ?? 32);
const SEED = Number(process.env.SLUICE_SEED ?? Math.floor(Math.random() * 2 ** 31));
// Most of a schedule's time is waiting, so many run side by side; each lane is a property of its own, with its own seed.
const LANES = Number(process.env.SLUICE_LANES ?? 16);
const SERVER_LANES = LANES / 4;
const RUNS_A_LANE = Math.ceil(RUNS / LANES);

let shared: TestServer;
beforeAll(async () => {
  console.log(`schedules: ${RUNS}, SLUICE_SEED=${SEED}`);
  shared = await startTestServer();
});
afterAll(async () => {
  // What the documents say of a soak.
  console.log(`soak: ${JSON.stringify({ seed: SEED, ...tally })}`);
  await shared.stop();
});

/**
 * Ports that no outgoing connection is given: a killed server must find its own ones free. Above 32767 the system gives
 * them out as it likes.
 */
async function ownPorts(): Promise<{ nats: number; ws: number; monitor: number }> {
  const own = async (): Promise<number> => {
    for (;;) {
      const port = 12_000 + Math.floor(Math.random() * 20_000);
      const server = createServer();
      const isFree = await new Promise<boolean>((resolve) => {
        server.once("error", () => resolve(false));
        server.listen(port, "127.0.0.1", () => resolve(true));
      });
      await new Promise((resolve) => server.close(resolve));
      if (isFree) return port;
    }
  };
  return { nats: await own(), ws: await own(), monitor: await own() };
}

/** A lane's own server, which can be frozen and killed; killed, it starts again where it was. */
async function ownServer(): Promise<{ world: World; stop(): Promise<void> }> {
  const storeDir = await mkdtemp(join(tmpdir(), "sluice-soak-"));
  const ports = await ownPorts();
  let server = await startTestServer({ storeDir, ports });
  // nats-server removes the folder of all streams behind the last one, and may do so under the next that is made.
  await server.createStream("KEPT");
  const cause = async (fault: ServerFault): Promise<void> => {
    if (fault === "freeze") return server.signal("SIGSTOP");
    if (fault === "thaw") return server.signal("SIGCONT");
    server.signal("SIGKILL");
    await server.exited;
    await server.stop();
    server = await startTestServer({ storeDir, ports });
  };
  // One at a time: a server that starts again cannot be killed yet, and its port is taken.
  let last = Promise.resolve();
  const harm = (fault: ServerFault): Promise<void> => (last = last.then(() => cause(fault)));
  return {
    world: { server: () => server, harm, isKilled: true },
    stop: async () => {
      await server.stop();
      await rm(storeDir, { recursive: true, force: true });
    },
  };
}

/** One lane has failed: the others end with the schedule that they are at, and stop their servers. */
let over = false;

async function lane(index: number): Promise<number> {
  const own = index < SERVER_LANES ? await ownServer() : undefined;
  const world: World = own?.world ?? { server: () => shared, harm: async () => {}, isKilled: false };
  let lived = 0;
  try {
    const property = fc.asyncProperty(schedules(own !== undefined), async (schedule) => {
      if (over) return;
      await live(schedule, world);
      lived += 1;
    });
    // No shrinking: a smaller schedule takes as long, and its moments fall elsewhere.
    await fc.assert(property, { seed: SEED + index, numRuns: RUNS_A_LANE, endOnFailure: true });
  } catch (error) {
    over = true;
    throw error;
  } finally {
    await own?.stop();
  }
  return lived;
}

describe("whatever goes wrong and whenever", () => {
  test(`nothing is lost, stuck, delivered in vain or counted wrong (${RUNS} schedules)`, {
    timeout: 60_000 + RUNS * 3_000,
  }, async () => {
    over = false;
    const lanes = Array.from({ length: LANES }, (_, index) => lane(index));
    await Promise.allSettled(lanes);
    const lived = await Promise.all(lanes);
    expect(lived.reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(RUNS);
  });
});
