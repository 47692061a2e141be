// The `sluice` command as a user starts it: a real process, in the environment that a test gives it.
import { type ChildProcess, execFile } from "node:child_process";
import { fileURLToPath } from "node:url";

export const SLUICE: string = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

/** How a process of it ended. */
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

/** Starts it in an environment of these variables alone. */
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

export async function sluice(
  args: readonly string[],
  env?: Readonly<Record<string, string>>,
  cwd?: string,
): Promise<Run> {
  return await startSluice(args, env, cwd).ended;
}
