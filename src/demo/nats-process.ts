// Starts and stops one nats-server on loopback, for the demo and the tests. It never outlives this process.
import { type ChildProcess, spawn } from "node:child_process";
import { rmSync, watch } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** The ports of one server on 127.0.0.1. */
interface NatsPorts {
  nats: number;
  ws: number;
  monitor: number;
}

export interface NatsServerOptions {
  /** The executable, as `findNatsBinary()` returns it. */
  binary: { path: string; version: string };
  /**
   * Text appended to the configuration file; a block given here replaces the block of the same
   * name.
   * @default ""
   */
  config?: string;
  /** Folder of the streams, kept at `stop()`. @default a temporary one, removed at `stop()` */
  storeDir?: string;
  /** @default true */
  jetstream?: boolean;
  /** Its JetStream domain. @default none */
  domain?: string;
  /** PEM file paths make the WebSocket listener a TLS one. @default plain WebSocket */
  websocket?: { tls?: { cert: string; key: string } };
  /** Fixed ports, to start a server again where it was. @default free ones, chosen by the server */
  ports?: NatsPorts;
  /** The server's name; newer servers refuse one with spaces. @default "sluice" */
  name?: string;
  /** Stops the server, or ends its start with the signal's reason. */
  signal?: AbortSignal;
}

export interface NatsExit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** A server that is ready for clients on all its listeners. */
export interface NatsServer extends AsyncDisposable {
  pid: number;
  version: string;
  /** Its configuration; read again at a SIGHUP. */
  configFile: string;
  ports: NatsPorts;
  /** `ws://127.0.0.1:<port>`, or `wss://` with TLS. */
  wsUrl: string;
  /** `nats://127.0.0.1:<port>` */
  natsUrl: string;
  /** `http://127.0.0.1:<port>` */
  monitorUrl: string;
  /** The last {@link KEPT_LOG_LINES} lines of its log. */
  output(): string;
  /**
   * Ends the server, by force after {@link STOP_TIMEOUT_MS}, and removes its temporary files.
   * Harmless when it is gone.
   */
  stop(): Promise<void>;
  /**
   * Sends a signal: `SIGSTOP` freezes the server with its sockets open, `SIGKILL` is a crash.
   * Harmless when it is gone.
   */
  signal(name: NodeJS.Signals): void;
  /** Resolves once the process is gone, whoever ended it. It never rejects. */
  exited: Promise<NatsExit>;
}

const START_TIMEOUT_MS = 15_000;
const STOP_TIMEOUT_MS = 5_000;
const KEPT_LOG_LINES = 200;

/**
 * Starts a server and waits until it is ready for clients.
 *
 * @throws an `Error` of one line when a port is taken, when the configuration is refused (with the
 * end of the log), or when the server is not ready within 15 s; the process is gone by then
 */
export async function startNatsServer(options: NatsServerOptions): Promise<NatsServer> {
  const { binary, signal } = options;
  signal?.throwIfAborted();
  const folder = await mkdtemp(join(tmpdir(), "sluice-nats-"));
  const portsDir = join(folder, "ports");
  await mkdir(portsDir);
  const configFile = join(folder, "nats.conf");
  await writeFile(configFile, natsConfig(options, portsDir, join(folder, "store")), { mode: 0o600 });

  const child = spawn(binary.path, ["-c", configFile], { stdio: ["ignore", "ignore", "pipe"] });
  const exited = new Promise<NatsExit>((resolve) => {
    // "close" and not "exit": only then has the whole log been read. "error" alone comes when
    // nothing was spawned.
    child.once("close", (code, name) => resolve({ code, signal: name }));
    child.once("error", () => child.pid === undefined && resolve({ code: null, signal: null }));
  });
  const log = keepLog(child);
  const letGo = tieToThisProcess(child, folder);
  const stopOnce = async (): Promise<void> => {
    signal?.removeEventListener("abort", onAbort);
    await end(child, exited);
    letGo();
    await rm(folder, { recursive: true, force: true });
  };
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopped ??= stopOnce());
  const onAbort = (): void => void stop();
  signal?.addEventListener("abort", onAbort, { once: true });

  try {
    const ports = await ready(child, exited, portsDir, log, signal);
    return {
      pid: child.pid ?? 0,
      version: binary.version,
      configFile,
      ports,
      wsUrl: `${options.websocket?.tls === undefined ? "ws" : "wss"}://127.0.0.1:${ports.ws}`,
      natsUrl: `nats://127.0.0.1:${ports.nats}`,
      monitorUrl: `http://127.0.0.1:${ports.monitor}`,
      output: () => log.join("\n"),
      stop,
      signal: (name) => void child.kill(name),
      exited,
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The configuration file. JSON strings are valid strings there, quotes and backslashes included. */
function natsConfig(options: NatsServerOptions, portsDir: string, temporaryStore: string): string {
  // -1 lets the server choose: no race for a free port.
  const ports = options.ports ?? { nats: -1, ws: -1, monitor: -1 };
  const listen = (port: number): string => JSON.stringify(`127.0.0.1:${port}`);
  const tls = options.websocket?.tls;
  const security =
    tls === undefined
      ? "no_tls: true"
      : `tls { cert_file: ${JSON.stringify(tls.cert)}, key_file: ${JSON.stringify(tls.key)} }`;
  const lines = [
    `server_name: ${JSON.stringify(options.name ?? "sluice")}`,
    `listen: ${listen(ports.nats)}`,
    `http: ${listen(ports.monitor)}`,
    `ports_file_dir: ${JSON.stringify(portsDir)}`,
    `websocket { listen: ${listen(ports.ws)}, ${security}, compression: false }`,
  ];
  const domain = options.domain === undefined ? "" : `, domain: ${JSON.stringify(options.domain)}`;
  if (options.jetstream ?? true)
    lines.push(`jetstream { store_dir: ${JSON.stringify(options.storeDir ?? temporaryStore)}${domain} }`);
  return `${lines.join("\n")}\n${options.config ?? ""}\n`;
}

/** Waits for the ports file, which the server writes once it accepts clients on every listener. */
async function ready(
  child: ChildProcess,
  exited: Promise<NatsExit>,
  portsDir: string,
  log: readonly string[],
  signal?: AbortSignal,
): Promise<NatsPorts> {
  const { promise, resolve, reject } = Promise.withResolvers<NatsPorts>();
  const lookForPorts = (): void => {
    readPorts(portsDir).then((ports) => ports && resolve(ports), reject);
  };
  const watcher = watch(portsDir, lookForPorts);
  watcher.once("error", reject);
  child.once("error", (cause) =>
    reject(new Error(`nats-server could not be started: ${cause.message}`, { cause })),
  );
  void exited.then(({ code, signal: name }) =>
    reject(startFailure(`ended with ${name ?? `code ${code}`}`, log)),
  );
  const late = (): void => reject(startFailure(`was not ready within ${START_TIMEOUT_MS / 1000} s`, log));
  const timer = setTimeout(late, START_TIMEOUT_MS);
  const onAbort = (): void => reject(signal?.reason);
  signal?.addEventListener("abort", onAbort, { once: true });
  if (signal?.aborted) onAbort(); // It may have been aborted while the files were written.
  lookForPorts(); // The file may be older than the watch.
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    watcher.close();
    signal?.removeEventListener("abort", onAbort);
  }
}

/** @returns the ports, or `undefined` while the file is not there or only partly written */
async function readPorts(portsDir: string): Promise<NatsPorts | undefined> {
  const [file] = await readdir(portsDir);
  if (file === undefined) return undefined;
  // {"nats":["nats://127.0.0.1:41000"],"monitoring":["http://…"],"websocket":["ws://…"]} in 2.9.10
  // and 2.15.1 alike.
  const text = await readFile(join(portsDir, file), "utf8");
  const port = (listener: string): number =>
    Number(new RegExp(`"${listener}":\\["[^"]*:(\\d+)"`).exec(text)?.[1] ?? 0);
  const ports = { nats: port("nats"), ws: port("websocket"), monitor: port("monitoring") };
  return text.trimEnd().endsWith("}") && ports.nats > 0 && ports.ws > 0 && ports.monitor > 0
    ? ports
    : undefined;
}

function startFailure(what: string, log: readonly string[]): Error {
  const taken = log
    .map((line) => /listen tcp \S*?:(\d+): bind: /.exec(line)?.[1])
    .find((port) => port !== undefined);
  if (taken !== undefined) return new Error(`port ${taken} on 127.0.0.1 is taken: nats-server needs it`);
  const lastLines = log.filter((line) => line.trim() !== "").slice(-5);
  return new Error(`nats-server ${what}; the end of its log: ${lastLines.join(" | ") || "(empty)"}`);
}

function keepLog(child: ChildProcess): readonly string[] {
  const lines: string[] = [];
  if (child.stderr === null) return lines;
  createInterface({ input: child.stderr }).on("line", (line) => {
    lines.push(line);
    if (lines.length > KEPT_LOG_LINES) lines.shift();
  });
  return lines;
}

async function end(child: ChildProcess, exited: Promise<NatsExit>): Promise<void> {
  child.kill("SIGTERM");
  child.kill("SIGCONT"); // A frozen server acts on SIGTERM only once it runs again.
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
  try {
    await exited;
  } finally {
    clearTimeout(timer);
  }
}

const alive = new Map<ChildProcess, string>();

function killAll(): void {
  for (const [child, folder] of alive) {
    child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Ends the child with this process: on its "exit" event, and where that never comes (SIGKILL, an
 * unhandled SIGTERM) through a shell that reads a pipe from this process until it breaks.
 *
 * @returns takes both away again, for when the child is gone
 */
function tieToThisProcess(child: ChildProcess, folder: string): () => void {
  if (alive.size === 0) process.once("exit", killAll);
  alive.set(child, folder);
  const watchdog = child.pid === undefined ? undefined : startWatchdog(child.pid, folder);
  // From here on its process id may be another program's.
  child.once("exit", () => watchdog?.kill("SIGKILL"));
  return () => {
    alive.delete(child);
    if (alive.size === 0) process.removeListener("exit", killAll);
  };
}

function startWatchdog(pid: number, folder: string): ChildProcess | undefined {
  if (process.platform === "win32") return undefined;
  const script = 'read -r _; kill -KILL "$1"; rm -rf "$2"';
  const watchdog = spawn("sh", ["-c", script, "sh", String(pid), folder], {
    stdio: ["pipe", "ignore", "ignore"],
  });
  watchdog.on("error", () => {}); // Without a shell the "exit" event is all there is.
  watchdog.unref();
  if (watchdog.stdin instanceof Socket) watchdog.stdin.unref();
  return watchdog;
}
