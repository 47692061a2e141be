// The deployable Worker in wrangler's own dev server, in the process of the test: loading wrangler costs more than starting a
// Worker, so it is loaded once for all Workers of a file.
import { EventEmitter } from "node:events";
import { OFFLINE, serveWorker } from "../../src/demo/dev-worker-server.ts";
import type { MergedReport, Report } from "../../src/index.ts";

export interface ServedTestWorker extends AsyncDisposable {
  /** `http://127.0.0.1:<port>/` */
  readonly url: string;
  /** `report`: the Worker logged the report of a drain. */
  readonly events: EventEmitter<{ report: [Report | MergedReport] }>;
}

/** Starts the Worker, and resolves once it has answered. */
export async function startServedWorker(
  vars: Readonly<Record<string, string>>,
  secrets: Readonly<Record<string, string>>,
): Promise<ServedTestWorker> {
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
