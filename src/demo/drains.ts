// Drains until the server has nothing left: by cron and by POST /drain in turn, as the two kinds of
// scheduler would.
import { once } from "node:events";
import type { Report } from "../index.ts";
import type { ServerState } from "./demo-server.ts";
import type { DevWorker } from "./dev-worker.ts";

/** One drain: how it was triggered, what its scheduler was told, and the Worker's own report. */
export interface DemoDrain {
  readonly trigger: "cron" | "POST /drain";
  /** What a scheduler acts on: the outcome of the cron invocation, or the status of the response. */
  readonly answer: string;
  /** Absent when the Worker logged none: it failed before the drain began. */
  readonly report: Report | undefined;
  /** From the trigger to its answer, in milliseconds. */
  readonly tookMs: number;
}

export interface DrainsOptions {
  readonly worker: Pick<DevWorker, "url" | "events">;
  readonly token: string;
  readonly state: () => Promise<ServerState>;
  readonly onDrain: (drain: DemoDrain) => void;
  readonly signal: AbortSignal;
}

/**
 * Drains in a row that settle nothing before the demo gives up; one can be bad luck, and each kind
 * has its turn.
 */
const MAX_IDLE_DRAINS = 3;
/**
 * The log line of a drain and its answer take different ways; this is how long the one waits for the other.
 */
const REPORT_TIMEOUT_MS = 2_000;

/**
 * Triggers drains, one after the other, until nothing is pending and nothing unacked.
 *
 * @throws an `Error` of one line when they settle nothing more
 */
export async function drainUntilEmpty(options: DrainsOptions): Promise<DemoDrain[]> {
  const { state, onDrain, signal } = options;
  const drains: DemoDrain[] = [];
  let idle = 0;
  for (let before = await state(); left(before) > 0; ) {
    const drain = await drainOnce(drains.length % 2 === 0 ? "cron" : "POST /drain", options);
    drains.push(drain);
    onDrain(drain);
    signal.throwIfAborted();
    const after = await state();
    idle = after.acked > before.acked ? 0 : idle + 1;
    if (idle === MAX_IDLE_DRAINS) throw stalled(drain, left(after));
    before = after;
  }
  return drains;
}

/** Pending and unacked. */
export function left({ pending, ackPending }: ServerState): number {
  return pending + ackPending;
}

async function drainOnce(trigger: DemoDrain["trigger"], options: DrainsOptions): Promise<DemoDrain> {
  const { worker, token, signal } = options;
  const giveUp = new AbortController();
  const reported = once(worker.events, "report", { signal: giveUp.signal }).then(
    ([report]): Report => report,
    () => undefined,
  );
  let timer: NodeJS.Timeout | undefined;
  try {
    const started = performance.now();
    const answer =
      trigger === "cron" ? await runCron(worker.url, signal) : await postDrain(worker.url, token, signal);
    const tookMs = performance.now() - started;
    timer = setTimeout(() => giveUp.abort(), REPORT_TIMEOUT_MS);
    return { trigger, answer, report: await reported, tookMs };
  } finally {
    clearTimeout(timer);
    giveUp.abort();
  }
}

/** The URL at which wrangler's dev server runs the `scheduled` handler and tells its outcome. */
export function cronUrl(workerUrl: string): string {
  return new URL("/cdn-cgi/local/scheduled?format=json", workerUrl).href;
}

export function drainUrl(workerUrl: string): string {
  return new URL("/drain", workerUrl).href;
}

async function runCron(workerUrl: string, signal: AbortSignal): Promise<string> {
  const response = await call(cronUrl(workerUrl), { signal });
  const { outcome } = (await response.json()) as { outcome: string }; // miniflare's answer in this format
  return outcome;
}

async function postDrain(workerUrl: string, token: string, signal: AbortSignal): Promise<string> {
  const response = await call(drainUrl(workerUrl), {
    method: "POST",
    headers: { Authorization: `Bearer ${token}` },
    signal,
  });
  await response.arrayBuffer();
  return String(response.status);
}

async function call(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (cause) {
    init.signal?.throwIfAborted();
    throw new Error(`the Worker's dev server no longer answers at ${url}: start the demo again`, { cause });
  }
}

function stalled({ trigger, answer, report }: DemoDrain, messages: number): Error {
  const told =
    report === undefined
      ? `answered ${answer}`
      : `fetched ${report.fetched}, acked ${report.acked} and ended with ${report.reason}: ${report.message}`;
  return new Error(
    `${messages} messages are left and the drains settle none of them; the last one, by ${trigger}, ${told}`,
  );
}
