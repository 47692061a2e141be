// One of the processes of cluster-drains.ts: drains, one run after another, and tells of each run what it handled, when, and how
// it ended; until it is told to stop.
import { setTimeout as sleep } from "node:timers/promises";
import { defineDrain, type Report } from "../../src/index.ts";

export interface DrainsAsk {
  readonly servers: readonly string[];
  readonly stream: string;
  readonly consumer: string;
  readonly limitMs: number;
}

/** One run. Handlings by their place: the message's sequence, and when its handler ran, in milliseconds since the epoch. */
export interface Run {
  readonly report: Report;
  readonly sequences: Uint32Array;
  readonly times: Float64Array;
}

export type DrainsAnswer =
  | { readonly kind: "ready" }
  | { readonly kind: "handled"; readonly count: number }
  | ({ readonly kind: "run" } & Run)
  | { readonly kind: "stopped" };

const TELL_EVERY = 500;
const IDLE_MS = 100;

let stopping = false;

function tell(answer: DrainsAnswer): void {
  process.send?.(answer);
}

async function work({ servers, stream, consumer, limitMs }: DrainsAsk): Promise<void> {
  let sequences: number[] = [];
  let times: number[] = [];
  const drain = defineDrain({
    servers,
    stream,
    consumer,
    auth: { user: "admin", password: "admin-pw" },
    batch: 1_000,
    fetches: 1_000,
    maxWaitMs: 1_000,
    heartbeatMs: 300,
    handler: ({ sequence }) => {
      sequences.push(sequence);
      times.push(Date.now());
      if (sequences.length % TELL_EVERY === 0) tell({ kind: "handled", count: TELL_EVERY });
    },
  });
  while (!stopping) {
    const report = await drain.run({ limitMs });
    tell({ kind: "run", report, sequences: Uint32Array.from(sequences), times: Float64Array.from(times) });
    sequences = [];
    times = [];
    await sleep(report.retryAfterMs ?? IDLE_MS);
  }
  tell({ kind: "stopped" });
}

process.on("message", (ask: DrainsAsk | "stop") => {
  if (ask === "stop") stopping = true;
  else void work(ask);
});
process.once("disconnect", () => process.exit());
tell({ kind: "ready" });
