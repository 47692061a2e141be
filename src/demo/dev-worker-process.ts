// The process that runs wrangler's dev server for the demo. It is one of its own because wrangler's
// libraries end a process on Ctrl-C as they see fit, and because it ends itself, workerd included,
// when the demo is gone.
import type { Report } from "../index.ts";
import { type DevWorkerInput, type ServedWorker, serveWorker } from "./dev-worker-server.ts";

/** What the process says. */
export type DevWorkerMessage =
  /** The Worker answers at this URL. */
  | { readonly kind: "ready"; readonly url: string }
  /** It could not be started. */
  | { readonly kind: "failed"; readonly message: string }
  /** The Worker logged the report of a drain. */
  | { readonly kind: "report"; readonly report: Report };

let running: ServedWorker | undefined;

async function serve(input: DevWorkerInput): Promise<void> {
  running = await serveWorker(input, {
    report: (report) => tell({ kind: "report", report }),
    failed: fail,
  });
  tell({ kind: "ready", url: running.url });
}

function tell(message: DevWorkerMessage): void {
  if (process.connected) process.send?.(message);
}

/**
 * The first cause is what a user can act on; wrangler wraps it in "An error occurred when starting
 * the server".
 */
function fail(error: unknown): void {
  let first = error;
  while (first !== null && typeof first === "object" && "cause" in first && first.cause) first = first.cause;
  tell({ kind: "failed", message: first instanceof Error ? first.message : String(first) });
}

/**
 * Waits for workerd's end; wrangler's and miniflare's own exit hooks do the rest, and all of it
 * when it had not started yet.
 */
async function leave(): Promise<void> {
  try {
    await running?.dispose();
  } finally {
    process.exit();
  }
}

process.once("disconnect", () => void leave());
process.on("unhandledRejection", fail);
process.once("message", (input) => {
  serve(input as DevWorkerInput).catch(fail); // dev-worker.ts, its only sender, sends nothing else.
});
