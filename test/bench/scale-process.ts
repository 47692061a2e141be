// One of the drains of bench:scale: drains until nothing is left, and tells the sequence of every message that it handled.
import { defineDrain } from "../../src/index.ts";
import type { Job } from "./contenders.ts";

export type ScaleAnswer =
  | { readonly kind: "ready" }
  | ({ readonly kind: "drained" } & Drained)
  | { readonly kind: "failed"; readonly message: string };

export interface Drained {
  /** Of the messages handled. */
  readonly sequences: Uint32Array;
  /** When the last of them was, in milliseconds since the epoch. */
  readonly lastAt: number;
  /** What the process used for it. */
  readonly cpuMs: number;
  /** The process's resident memory at its peak. */
  readonly memoryBytes: number;
}

const LIMIT_MS = 600_000;
const MAX_AGAIN = 3;

async function drainAll({
  url,
  user,
  pass,
  stream,
  consumer,
  batch,
  maxWaitMs,
  messages,
}: Job): Promise<Drained> {
  const sequences = new Uint32Array(messages);
  let handled = 0;
  let lastAt = 0;
  const drain = defineDrain({
    servers: url,
    auth: { user, password: pass },
    stream,
    consumer,
    batch,
    maxWaitMs,
    fetches: Math.ceil(messages / batch) + 1,
    handler: (message) => {
      sequences[handled] = message.sequence;
      handled += 1;
      lastAt = Date.now();
    },
  });
  const before = process.cpuUsage();
  // A server that so many processes starve may be late. A scheduler would run the drain again, which the time then tells.
  let report = await drain.run({ limitMs: LIMIT_MS });
  let acked = report.acked;
  for (let again = 0; report.outcome === "retryable" && again < MAX_AGAIN; again += 1) {
    report = await drain.run({ limitMs: LIMIT_MS });
    acked += report.acked;
  }
  const used = process.cpuUsage(before);
  if (report.outcome !== "completed" || acked !== handled) throw new Error(JSON.stringify(report));
  return {
    sequences: sequences.slice(0, handled),
    lastAt,
    cpuMs: (used.user + used.system) / 1_000,
    memoryBytes: process.resourceUsage().maxRSS * 1_024,
  };
}

function tell(answer: ScaleAnswer): void {
  process.send?.(answer);
}

process.once("message", (job) => {
  // scale.ts, its only sender, sends nothing else.
  drainAll(job as Job).then(
    (drained) => tell({ kind: "drained", ...drained }),
    (error: unknown) =>
      tell({ kind: "failed", message: error instanceof Error ? error.message : String(error) }),
  );
});
process.once("disconnect", () => process.exit());
tell({ kind: "ready" });
