// The `sluice` command in the environment that a test gives it: as a process, as a user starts it, or in the process of the
// test, where what a process costs buys nothing: what it prints and its exit code are the same.
import { type ChildProcess, execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { onTestFinished, vi } from "vitest";
import { runCommand } from "../../src/cli/command.ts";
import { look } from "./leaks-look.ts";

export const SLUICE: string = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

/** How it ended. */
export interface Run {
  readonly code: unknown;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningSluice {
  readonly child: ChildProcess;
  readonly ended: Promise<Run>;
}

/** Nothing of this process's own but where Node keeps what it has compiled (config.ts): without it each start costs three times as much. */
export function sluiceEnv(env: Readonly<Record<string, string>> = {}): Record<string, string> {
  const { NODE_COMPILE_CACHE } = process.env;
  return NODE_COMPILE_CACHE === undefined ? { ...env } : { NODE_COMPILE_CACHE, ...env };
}

/** Starts a process of it, in an environment of these variables alone. */
export function startSluice(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  cwd: string = process.cwd(),
): RunningSluice {
  const ended = Promise.withResolvers<Run>();
  const options = { env: sluiceEnv(env), cwd };
  const child = execFile(process.execPath, [SLUICE, ...args], options, (error, stdout, stderr) =>
    ended.resolve({ code: error?.code ?? error?.signal ?? 0, stdout, stderr }),
  );
  return { child, ended: ended.promise };
}

/** Runs a process of it to its end. */
export async function sluiceProcess(...given: Parameters<typeof startSluice>): Promise<Run> {
  return await startSluice(...given).ended;
}

let last: Promise<unknown> = Promise.resolve();

/** Runs it in this process, which has the environment, the folder and the streams of one command at a time. */
export async function sluice(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  cwd?: string,
): Promise<Run> {
  const abort = new AbortController();
  onTestFinished(() => abort.abort());
  const run = last.then(() => runHere(args, env, cwd, abort.signal));
  last = run.catch(() => {});
  return await run;
}

async function runHere(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  cwd: string | undefined,
  signal: AbortSignal,
): Promise<Run> {
  const printed = { stdout: "", stderr: "" };
  const own = { env: process.env, cwd: process.cwd() };
  const spies = (["stdout", "stderr"] as const).map((name) =>
    vi.spyOn(process[name], "write").mockImplementation((text, ...rest: unknown[]) => {
      printed[name] += text;
      const done = rest.at(-1);
      if (typeof done === "function") done();
      return true;
    }),
  );
  const log = vi.spyOn(console, "log").mockImplementation((line: string) => {
    printed.stdout += `${line}\n`;
  });
  process.env = { ...env };
  if (cwd !== undefined) process.chdir(cwd);
  try {
    const code = await runCommand(args, signal);
    look(`sluice ${args.join(" ")}`, printed.stdout + printed.stderr);
    return { code, ...printed };
  } finally {
    process.chdir(own.cwd);
    process.env = own.env;
    for (const spy of [...spies, log]) spy.mockRestore();
  }
}
