// Heartbeat loss: a cron run whose server freezes (SIGSTOP), and when its scheduler gets to know.

import { setTimeout as sleep } from "node:timers/promises";
import { ADMIN_USER, startTestServer, type TestServer } from "../support/nats.ts";
import type { Bench, Measure } from "./bench.ts";
import { CRON } from "./contenders.ts";
import { type Workerd, workerdRuntime } from "./runtimes.ts";
import { median, round } from "./stats.ts";

export interface Loss {
  readonly heartbeatMs: number;
  /** From the freeze to the failed run. */
  readonly sluiceMs: number;
  /** Null: never, within `patienceMs`. */
  readonly natsjsMs: number | null;
  readonly patienceMs: number;
  /** What the scheduler was told. */
  readonly sluiceOutcome: string;
  readonly natsjsOutcome: string;
}

const HEARTBEAT_MS = 500;
const MAX_WAIT_MS = 3_000;
// Four times its `expires`. Its run would end with the platform's wall limit, 15 minutes.
const PATIENCE_MS = 12_000;
const RUNS = { count: 5, warmUps: 0 };
const MAX_MS = 2 * HEARTBEAT_MS + 300;
const [STREAM, CONSUMER] = ["LOSS", "loss"];

export const loss: Measure<Loss> = {
  name: "loss",
  key: "lossToScheduler",
  run: async ({ log, rounds }: Bench) => {
    // Its own server and its own workerd: one is frozen, and the other is left with runs that never end.
    await using server = await startTestServer();
    await server.createStream(STREAM);
    await server.createConsumer(STREAM, CONSUMER);
    const at = { url: server.wsUrl, ...ADMIN_USER, stream: STREAM, consumer: CONSUMER };
    await using workerd = await workerdRuntime({
      ...at,
      messages: 0,
      batch: 100,
      maxWaitMs: MAX_WAIT_MS,
      heartbeatMs: HEARTBEAT_MS,
    });
    const runs: Heard[] = [];
    for (let run = 0; run < rounds(RUNS).count; run += 1)
      runs.push(await freeze(server, workerd, CRON.sluice));
    const missed = runs.find(({ outcome }) => outcome !== "exception");
    const natsjs = await freeze(server, workerd, CRON.natsjs);
    const sluiceMs = round(median(runs.map(({ afterMs }) => afterMs)), 0);
    const natsjsMs = natsjs.outcome === STILL_RUNNING ? null : round(natsjs.afterMs, 0);
    log(`loss to scheduler: ${sluiceMs} ms, nats.js ${natsjsMs ?? `nothing within ${PATIENCE_MS}`} ms`);
    return {
      heartbeatMs: HEARTBEAT_MS,
      sluiceMs,
      natsjsMs,
      patienceMs: PATIENCE_MS,
      sluiceOutcome: missed?.outcome ?? "exception",
      natsjsOutcome: natsjs.outcome,
    };
  },
  rows: (result) => [
    {
      what: `heartbeat loss to a cron scheduler, heartbeat ${result.heartbeatMs} ms`,
      sluice: `${result.sluiceMs} ms, ${result.sluiceOutcome}`,
      peer:
        result.natsjsMs === null
          ? `never in ${result.patienceMs} ms`
          : `${result.natsjsMs} ms, ${result.natsjsOutcome}`,
      got: `${result.sluiceMs} ms`,
      target: `at most ${MAX_MS} ms`,
      met: result.sluiceOutcome === "exception" && result.sluiceMs <= MAX_MS,
    },
  ],
};

interface Heard {
  readonly outcome: string;
  readonly afterMs: number;
}

const STILL_RUNNING = "still running";

/** Starts a run, freezes the server when its pull waits there, and tells what the scheduler hears of it. */
async function freeze(server: TestServer, workerd: Workerd, cron: string): Promise<Heard> {
  const giveUp = new AbortController();
  const url = new URL(`/cdn-cgi/local/scheduled?format=json&cron=${encodeURIComponent(cron)}`, workerd.url);
  const running = fetch(url, { signal: giveUp.signal }).then(async (response) => {
    const { outcome } = (await response.json()) as { outcome: string }; // miniflare's answer in this format
    return outcome;
  });
  let ended = false;
  const end = (): void => {
    ended = true;
  };
  running.then(end, end); // Given up, below.
  while ((await server.consumerState(STREAM, CONSUMER)).waiting === 0) {
    if (ended) throw new Error(`the run ended before it waited: ${await running}`);
    await sleep(5);
  }
  // In the midst of its heartbeats, and not right after the pull.
  await sleep(HEARTBEAT_MS + Math.random() * HEARTBEAT_MS);
  server.signal("SIGSTOP");
  const frozenAt = performance.now();
  const outcome = await Promise.race([running, sleep(PATIENCE_MS, STILL_RUNNING, { ref: false })]);
  const afterMs = performance.now() - frozenAt;
  giveUp.abort();
  server.signal("SIGCONT");
  while ((await server.consumerState(STREAM, CONSUMER)).waiting > 0) await sleep(50);
  return { outcome, afterMs };
}
