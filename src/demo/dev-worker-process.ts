// The process that runs wrangler's dev server for the demo. It is one of its own because wrangler's
// libraries end a process on Ctrl-C as they see fit, and because it ends itself, workerd included,
// when the demo is gone.
import { devNull } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Report } from "../index.ts";

/**
 * The one message that the process is sent. Secrets come this way and so touch neither a disk nor a
 * process list.
 */
export interface DevWorkerInput {
  readonly vars: Readonly<Record<string, string>>;
  readonly secrets: Readonly<Record<string, string>>;
  /** A file of src/worker. @default wrangler.toml's `main` */
  readonly entry?: "with-dashboard.ts";
  /** 0 for a free one. */
  readonly port: number;
}

/** What the process says. */
export type DevWorkerMessage =
  /** The Worker answers at this URL. */
  | { readonly kind: "ready"; readonly url: string }
  /** It could not be started. */
  | { readonly kind: "failed"; readonly message: string }
  /** The Worker logged the report of a drain. */
  | { readonly kind: "report"; readonly report: Report };

// Two folders up from src/demo.
const CONFIG = fileURLToPath(new URL("../../wrangler.toml", import.meta.url));

let running: { dispose(): Promise<void> } | undefined;

async function serve({ vars, secrets, port, entry }: DevWorkerInput): Promise<void> {
  const { unstable_readConfig: readConfig, unstable_startWorker: startWorker } = await import("wrangler");
  const config = readConfig({ config: CONFIG });
  const main = entry === undefined ? config.main : join(dirname(CONFIG), "src/worker", entry);
  const worker = await startWorker({
    // Vars and service bindings that were set for a deployment of one's own have no part in the demo.
    config: { ...config, main, vars: {}, services: [] },
    // A file given by name, here an empty one, replaces .dev.vars.
    envFiles: [devNull],
    bindings: { ...bindings("plain_text", vars), ...bindings("secret_text", secrets) },
    dev: {
      server: { hostname: "127.0.0.1", port },
      inspector: false,
      persist: false,
      remote: false,
      watch: false,
      logLevel: "none",
      structuredLogsHandler: ({ message }: { message: string }) => passOn(message),
    },
  });
  running = worker;
  worker.raw.on("error", fail);
  await worker.ready;
  const url = await worker.url;
  // Ready is the proxy in front; the Worker itself is once it has answered.
  const health = await fetch(new URL("/healthz", url));
  if (!health.ok) throw new Error(`the Worker's /healthz answered ${health.status}`);
  tell({ kind: "ready", url: url.href });
}

function bindings<Type extends string>(type: Type, values: Readonly<Record<string, string>>) {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { type, value }]));
}

/** The Worker logs one line of JSON per drain: `{ "event": "drain", …report }`. */
function passOn(line: string): void {
  if (!line.startsWith('{"event":"drain"')) return;
  // Its own logReport() wrote it.
  const { event: _, ...report } = JSON.parse(line) as { event: string } & Report;
  tell({ kind: "report", report });
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
