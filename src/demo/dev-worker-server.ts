// One Worker in wrangler's own dev server, in the process that calls.
import { devNull } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Report } from "../index.ts";

/** What the Worker is given. Secrets touch neither a disk nor a process list. */
export interface DevWorkerInput {
  readonly vars: Readonly<Record<string, string>>;
  readonly secrets: Readonly<Record<string, string>>;
  /** A file of src/worker. @default wrangler.toml's `main` */
  readonly entry?: "with-dashboard.ts";
  /** 0 for a free one. */
  readonly port: number;
}

/** What is told while it runs. */
interface Told {
  /** The Worker logged the report of a drain. */
  readonly report: (report: Report) => void;
  /** It failed after its start. */
  readonly failed: (error: unknown) => void;
}

export interface ServedWorker {
  readonly url: string;
  /** Waits for workerd's end. */
  dispose(): Promise<void>;
}

/** Environment in which wrangler needs no network and no account, and sends nothing. */
export const OFFLINE = {
  CLOUDFLARE_LOAD_DEV_VARS_FROM_DOT_ENV: "false",
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
  WRANGLER_SEND_METRICS: "false",
  WRANGLER_WRITE_LOGS: "false",
} as const;

// Two folders up from src/demo.
const CONFIG = fileURLToPath(new URL("../../wrangler.toml", import.meta.url));

/** Starts the Worker, and resolves once it has answered. */
export async function serveWorker(
  { vars, secrets, port, entry }: DevWorkerInput,
  told: Told,
): Promise<ServedWorker> {
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
      structuredLogsHandler: ({ message }: { message: string }) => readLine(message, told),
    },
  });
  try {
    worker.raw.on("error", told.failed);
    await worker.ready;
    const url = await worker.url;
    // Ready is the proxy in front; the Worker itself is once it has answered.
    const health = await fetch(new URL("/healthz", url));
    if (!health.ok) throw new Error(`the Worker's /healthz answered ${health.status}`);
    return { url: url.href, dispose: () => worker.dispose() };
  } catch (error) {
    await worker.dispose();
    throw error;
  }
}

function bindings<Type extends string>(type: Type, values: Readonly<Record<string, string>>) {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { type, value }]));
}

/** The Worker logs one line of JSON per drain: `{ "event": "drain", …report }`. */
export function readLine(line: string, told: Pick<Told, "report">): void {
  if (!line.startsWith('{"event":"drain"')) return;
  // Its own logReport() wrote it.
  const { event: _, ...report } = JSON.parse(line) as { event: string } & Report;
  told.report(report);
}
