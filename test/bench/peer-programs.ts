// The peers in other languages: built once with what this machine has, kept under node_modules/.cache, and run as processes that
// answer one line for each. What cannot be built here is skipped, by name and with the reason.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Done, Job } from "./contenders.ts";

export type PeerName = "nats.go" | "nats.py" | "FastStream";

/** A program and its arguments. */
type Command = readonly [string, ...string[]];

/** A peer that can run here, as a command; or why it cannot. */
export type PeerProgram =
  | { readonly name: PeerName; readonly command: Command }
  | { readonly name: PeerName; readonly skipped: string };

export interface PeerProcess extends AsyncDisposable {
  /** Rejects with a {@link PeerError} when the peer failed, or does not answer within a minute. */
  run(job: Job): Promise<Done>;
}

/** The peer's own failure, which is no fault of what is measured. */
export class PeerError extends Error {}

const SOURCES = fileURLToPath(new URL("peers", import.meta.url));
const CACHE = fileURLToPath(new URL("../../node_modules/.cache/sluice/peers", import.meta.url));
const BUILD_TIMEOUT_MS = 100_000;
const RUN_TIMEOUT_MS = 60_000;

/** Every peer, built where it is not yet. */
export async function findPeers(log: (line: string) => void): Promise<readonly PeerProgram[]> {
  await mkdir(CACHE, { recursive: true });
  const python = withPython(log);
  python.catch(() => {}); // Told by each that needs it.
  const script = (file: string) => async (): Promise<Command> => [await python, join(SOURCES, file)];
  return await Promise.all([
    attempt("nats.go", async () => [await withGo(log)]),
    attempt("nats.py", script("natspy.py")),
    attempt("FastStream", script("faststream_peer.py")),
  ]);
}

async function attempt(name: PeerName, build: () => Promise<Command>): Promise<PeerProgram> {
  try {
    return { name, command: await build() };
  } catch (error) {
    const { message, stderr } = error as { message: string; stderr?: string }; // execFile's
    const said = (stderr || message).trim().split("\n").at(-1) ?? "";
    return { name, skipped: /ENOENT/.test(message) ? `${message.split(" ").at(1)} is not here` : said };
  }
}

/** The Go program's path. Its name has the hash of its sources: what has changed is built again. */
async function withGo(log: (line: string) => void): Promise<string> {
  const binary = join(CACHE, `natsgo-${hashOf("natsgo.go", "go.mod", "go.sum")}`);
  if (existsSync(binary)) return binary;
  log("peers: building nats.go's");
  await execute("go", ["build", "-C", SOURCES, "-o", binary, "."]);
  return binary;
}

/** A Python that has the packages of requirements.txt. */
async function withPython(log: (line: string) => void): Promise<string> {
  const folder = join(CACHE, `python-${hashOf("requirements.txt")}`);
  const [python, whole] = [join(folder, "bin", "python"), join(folder, "whole")];
  if (existsSync(whole)) return python;
  log("peers: installing nats.py and FastStream");
  await rm(folder, { recursive: true, force: true });
  await execute("python3", ["-m", "venv", folder]);
  await execute(python, ["-m", "pip", "install", "--quiet", "-r", join(SOURCES, "requirements.txt")]);
  await writeFile(whole, ""); // An install that was cut off is begun again.
  return python;
}

async function execute(program: string, args: readonly string[]): Promise<void> {
  await promisify(execFile)(program, [...args], { timeout: BUILD_TIMEOUT_MS, killSignal: "SIGKILL" });
}

function hashOf(...files: readonly string[]): string {
  const hash = createHash("sha256");
  for (const file of files) hash.update(readFileSync(join(SOURCES, file)));
  return hash.digest("hex").slice(0, 12);
}

/** Starts a peer's process. It answers nothing until it is asked. */
export function startPeer(name: PeerName, [program, ...args]: Command): PeerProcess {
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
  child.once("error", () => {}); // Told by run(), whose answer then never comes.
  const lines = createInterface({ input: child.stdout });
  return {
    run: (job) => ask(name, child, lines, job),
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode !== null || child.pid === undefined) return;
      const gone = once(child, "exit");
      child.kill("SIGKILL");
      await gone;
    },
  };
}

async function ask(name: PeerName, child: ChildProcess, lines: Interface, job: Job): Promise<Done> {
  const { url, user, pass, stream, consumer, messages } = job;
  const answered = once(lines, "line", { signal: AbortSignal.timeout(RUN_TIMEOUT_MS) });
  child.stdin?.write(`${JSON.stringify({ url, user, pass, stream, consumer, messages })}\n`);
  const [line] = (await answered.catch(() => {
    throw new PeerError(`${name} did not answer within ${RUN_TIMEOUT_MS / 1_000} s`);
  })) as [string];
  const { error, ...done } = JSON.parse(line) as Done & { readonly error?: string }; // what every peer prints
  if (error !== undefined) throw new PeerError(`${name}: ${error}`);
  return done;
}
