// Starts the deployable Worker in workerd, in wrangler's own dev server, and ends every process of it.
import { type ChildProcess, fork } from "node:child_process";
import { EventEmitter } from "node:events";
import { extname } from "node:path";
import type { Report } from "../index.ts";
import type { DevWorkerMessage } from "./dev-worker-process.ts";
import { type DevWorkerInput, OFFLINE } from "./dev-worker-server.ts";

export interface DevWorkerOptions extends DevWorkerInput {
  /** Stops the Worker, or ends its start with the signal's reason. */
  readonly signal: AbortSignal;
}

export interface DevWorker extends AsyncDisposable {
  /** `http://127.0.0.1:<port>/` */
  readonly url: string;
  /** `report`: the Worker logged the report of a drain. */
  readonly events: EventEmitter<{ report: [Report] }>;
  /** Resolves once the dev server is gone, whoever ended it. It never rejects. */
  readonly exited: Promise<void>;
}

// Two seconds on an idle machine; generous against a loaded one.
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 5_000;

/**
 * Starts the Worker and waits until it answers.
 *
 * @throws an `Error` of one line when the Worker does not start; its processes are gone by then
 */
export async function startDevWorker({ signal, ...input }: DevWorkerOptions): Promise<DevWorker> {
  signal.throwIfAborted();
  // Beside this file, as source or compiled.
  const script = new URL(`./dev-worker-process${extname(import.meta.url)}`, import.meta.url);
  const child = fork(script, {
    env: devEnvironment(process.env),
    execArgv: [], // An --inspect of the demo's own would want the same port again.
    stdio: ["ignore", "ignore", "ignore", "ipc"],
    // Its own process group, so that what it started can be ended with it, and Ctrl-C reaches the demo alone.
    detached: process.platform !== "win32",
  });
  const exited = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", () => child.pid === undefined && resolve());
  });
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopped ??= end(child, exited));
  const onAbort = (): void => void stop();
  signal.addEventListener("abort", onAbort, { once: true });
  const events: DevWorker["events"] = new EventEmitter();
  child.on("message", (message: DevWorkerMessage) => {
    if (message.kind === "report") events.emit("report", message.report);
  });

  try {
    child.send(input);
    const url = await ready(child, exited, signal);
    return { url, events, exited, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function ready(child: ChildProcess, exited: Promise<void>, signal: AbortSignal): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const failure = (detail: string): Error => new Error(`wrangler's dev server did not start: ${detail}`);
  child.on("message", (message: DevWorkerMessage) => {
    if (message.kind === "ready") resolve(message.url);
    if (message.kind === "failed") reject(failure(message.message.replace(/\s*\n\s*/g, " ")));
  });
  child.once("error", (cause) => reject(failure(cause.message)));
  void exited.then(() =>
    reject(failure(`its process ended with ${child.signalCode ?? `code ${child.exitCode}`}`)),
  );
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  const late = (): void => reject(failure(`it was not ready within ${START_TIMEOUT_MS / 1_000} s`));
  const timer = setTimeout(late, START_TIMEOUT_MS);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
  }
}

/**
 * The demo needs no network and no account, and sends nothing: wrangler is told so, whatever the
 * user's own settings are.
 */
function devEnvironment(own: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  // It would choose an environment that wrangler.toml does not have.
  const { CLOUDFLARE_ENV: _, ...rest } = own;
  return { ...rest, ...OFFLINE };
}

/**
 * The process ends by itself when its channel closes; by force, with all that it started, when it does not.
 */
async function end(child: ChildProcess, exited: Promise<void>): Promise<void> {
  if (child.connected) child.disconnect();
  const timer = setTimeout(() => killGroup(child), STOP_TIMEOUT_MS);
  try {
    await exited;
  } finally {
    clearTimeout(timer);
    killGroup(child);
  }
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(process.platform === "win32" ? child.pid : -child.pid, "SIGKILL");
  } catch {
    // ESRCH: nothing of it is left.
  }
}
