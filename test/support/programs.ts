// The examples that are programs of their own, started by the runtime that they are for.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { expect, onTestFinished } from "vitest";
import { alias } from "./config.ts";
import { RUNTIMES } from "./runtimes.ts";

const example = (path: string): string => fileURLToPath(new URL(`../../examples/${path}`, import.meta.url));
const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export const DENO: readonly string[] | undefined = RUNTIMES.find(({ name }) => name === "Deno")?.command;
export const BUN: readonly string[] | undefined = RUNTIMES.find(({ name }) => name === "Bun")?.command;

export interface Program {
  readonly process: ChildProcess;
  readonly exit: Promise<number | null>;
  /** What it printed so far. */
  printed(): string;
}

/** Starts a program for this test alone. */
export function start([program = "", ...args]: readonly string[], env: Record<string, string>): Program {
  let printed = "";
  const child = spawn(program, args, { env: { ...process.env, NO_COLOR: "1", ...env } });
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (text) => {
      printed += text;
    });
  }
  const { promise: exit, resolve } = Promise.withResolvers<number | null>();
  child.once("close", resolve);
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await exit;
  });
  return { process: child, exit, printed: () => printed };
}

/** Programs start slowly on a machine that is busy. */
export const PATIENCE = { timeout: 20_000, interval: 50 };

/** The port that a server says it listens on. */
export async function portOf(program: Program): Promise<string> {
  const port = (): string | undefined => /http:\/\/[^/\s]+:(\d+)/.exec(program.printed())?.[1];
  await expect.poll(port, PATIENCE).toBeDefined();
  return port() ?? "";
}

/** A port that nobody listens on, for a program that cannot be given 0. */
export async function freePort(): Promise<string> {
  const server = createServer();
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo; // it listens on TCP
  await once(server.close(), "close");
  return String(port);
}

/** The command that runs an example in Node, with the package's sources. */
export const inNode = (path: string): string[] => [
  process.execPath,
  "--import",
  here("from-source.ts"),
  example(path),
];

/** The command that runs an example in Bun, with the package's sources. */
export function inBun(path: string, ...flags: string[]): string[] {
  return [...(BUN ?? []), `--tsconfig-override=${here("../tsconfig.json")}`, "run", ...flags, example(path)];
}

/** The command by which Bun's cron of the system runs an example. */
export function inBunCron(path: string): string[] {
  return inBun(path, "--cron-title=drain-orders", "--cron-period=* * * * *");
}

/** The command that runs an example in Deno, outside its own deno.json, which names the published package. */
export async function inDeno(path: string): Promise<string[]> {
  // Inside the project, so that the sources' own imports resolve; git ignores it.
  const folder = await mkdtemp(here("../.deno-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const imports = Object.entries(alias).map(([name, source]) => [name, pathToFileURL(source).href]);
  const map = join(folder, "imports.json");
  await writeFile(map, JSON.stringify({ imports: Object.fromEntries(imports) }));
  await copyFile(example(path), join(folder, "main.ts"));
  return [...(DENO ?? []), `--import-map=${map}`, "--unstable-cron", join(folder, "main.ts")];
}
