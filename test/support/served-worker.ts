// The deployable Worker, in the process of the test: in wrangler's own dev server, which loads once for all Workers of a file,
// or its bundle, made once, in the miniflare that wrangler runs. A start by wrangler costs three times as much: what a
// deployment is made of is tested by it, and what the Worker does by miniflare.
import { EventEmitter } from "node:events";
import { fileURLToPath } from "node:url";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";
import { unstable_readConfig as readConfig } from "wrangler";
import { OFFLINE, readLine, serveWorker } from "../../src/demo/dev-worker-server.ts";
import type { MergedReport, Report } from "../../src/index.ts";
import { bundleWorker } from "./miniflare.ts";

export interface ServedTestWorker extends AsyncDisposable {
  /** `http://127.0.0.1:<port>/` */
  readonly url: string;
  /** `report`: the Worker logged the report of a drain. */
  readonly events: EventEmitter<{ report: [Report | MergedReport] }>;
}

type Values = Readonly<Record<string, string>>;

/** Starts the Worker in wrangler, and resolves once it has answered. */
export async function startServedWorker(vars: Values, secrets: Values): Promise<ServedTestWorker> {
  delete process.env.CLOUDFLARE_ENV;
  Object.assign(process.env, OFFLINE);
  const events: ServedTestWorker["events"] = new EventEmitter();
  const report = (told: Report): void => void events.emit("report", told);
  const { promise: failure, reject: failed } = Promise.withResolvers<never>();
  failure.catch(() => {}); // After the start the test itself hears of it.
  const serving = serveWorker({ vars, secrets, port: 0 }, { report, failed });
  const { url, dispose } = await Promise.race([serving, failure]);
  return { url, events, [Symbol.asyncDispose]: dispose };
}

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
let bundled: Promise<{ readonly script: string; readonly compatibilityDate: string }> | undefined;

/** What `wrangler.toml` says of the Worker, as far as its bundle goes. */
async function bundle() {
  const { main, alias, compatibility_date: date } = readConfig({ config: `${ROOT}wrangler.toml` });
  const own = { absWorkingDir: ROOT, alias: { ...alias }, minify: true };
  return { script: await bundleWorker(main ?? "", own), compatibilityDate: date ?? "" };
}

/** Starts the Worker's bundle in miniflare. */
export async function startBundledWorker(vars: Values, secrets: Values): Promise<ServedTestWorker> {
  const events: ServedTestWorker["events"] = new EventEmitter();
  const report = (told: Report): void => void events.emit("report", told);
  bundled ??= bundle();
  const worker = { name: "sluice", modules: true as const, ...(await bundled) };
  const options = convertV4MiniflareOptions({
    workers: [{ ...worker, bindings: { ...vars, ...secrets } }],
    unsafeTriggerHandlers: true,
    handleStructuredLogs: ({ message }) => readLine(message, { report }),
  });
  const miniflare = new Miniflare({ ...options, log: new Log(LogLevel.NONE) });
  const { href: url } = await miniflare.ready;
  return { url, events, [Symbol.asyncDispose]: () => miniflare.dispose() };
}
