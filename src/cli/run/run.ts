// One drain of a user's module, from its file to the exit code.
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { isInvalidOption } from "../../checks.ts";
import type { Drain, Outcome, Report } from "../../index.ts";
import { jsonLine, printable } from "../terminal.ts";
import { ConfigError, EXIT, UsageError } from "../usage.ts";

const NAME = "sluice run";

const EXIT_OF = {
  completed: EXIT.ok,
  retryable: EXIT.retry,
  fatal: EXIT.config,
} as const satisfies Record<Outcome, number>;

/** What a module exports. */
interface Job {
  readonly drain: Drain<unknown>;
  readonly limitMs: number | undefined;
}

/**
 * Loads the module, runs its drain once, and prints the report.
 *
 * @param limitMs before that of the module
 * @param signal aborts the drain, which then settles what it holds
 * @returns the exit code
 * @throws {UsageError} the module is not there, has no drain, or there is no limit
 * @throws {ConfigError} `defineDrain` refuses the module's options
 * @throws what the module throws while it is loaded
 */
export async function runModule(
  file: string,
  limitMs: number | undefined,
  signal: AbortSignal,
): Promise<number> {
  const job = await Promise.race([loadJob(file), onceAborted(signal)]);
  if (job === "aborted") {
    process.stderr.write(`sluice: ended while ${printable(file)} was loaded, before its drain began\n`);
    return EXIT.retry;
  }
  const limit = limitMs ?? job.limitMs;
  if (limit === undefined) throw new UsageError(`--limit is missing, and ${file} exports no limitMs`, NAME);
  const report = await job.drain.run({ env: process.env, limitMs: limit, signal });
  await print(report);
  return EXIT_OF[report.outcome];
}

async function onceAborted(signal: AbortSignal): Promise<"aborted"> {
  const { promise, resolve } = Promise.withResolvers<"aborted">();
  if (signal.aborted) resolve("aborted");
  signal.addEventListener("abort", () => resolve("aborted"), { once: true });
  return await promise;
}

async function loadJob(file: string): Promise<Job> {
  const url = pathToFileURL(resolve(file)).href;
  const loaded: unknown = await import(url).catch((cause: unknown) => {
    const isMissing = cause instanceof Error && "url" in cause && cause.url === url;
    if (isMissing) throw new UsageError(`There is no module ${file}`, NAME, { cause });
    if (cause instanceof Error && "code" in cause && cause.code === "ERR_UNKNOWN_FILE_EXTENSION") {
      const advice = "use Node 22.18 or later, or set NODE_OPTIONS=--experimental-strip-types";
      throw new UsageError(`This Node does not load ${file}: ${advice}`, NAME, { cause });
    }
    if (isTakenForCommonJs(cause, file)) {
      const advice = 'set "type": "module" in package.json, or name it .mts or .mjs';
      throw new UsageError(`${file} is loaded as CommonJS, which has no import: ${advice}`, NAME, { cause });
    }
    if (isInvalidOption(cause)) throw new ConfigError(cause.message, { cause });
    throw cause;
  });
  const job = toJob(await get(loaded, "default")) ?? toJob(await get(loaded, "drain"));
  if (job === undefined)
    throw new UsageError(`${file} exports no drain: its default export must be defineDrain(…)`, NAME);
  return job.limitMs === undefined ? { ...job, limitMs: toLimit(get(loaded, "limitMs")) } : job;
}

/** What `npm init` writes into package.json makes every module of the folder CommonJS. */
function isTakenForCommonJs(cause: unknown, file: string): boolean {
  return (
    cause instanceof SyntaxError &&
    /outside a module|Unexpected token 'export'/.test(cause.message) &&
    cause.stack?.startsWith(resolve(file)) === true
  );
}

function toJob(value: unknown): Job | undefined {
  if (isDrain(value)) return { drain: value, limitMs: undefined };
  const drain = get(value, "drain");
  return isDrain(drain) ? { drain, limitMs: toLimit(get(value, "limitMs")) } : undefined;
}

/** By its shape, as the module may have a copy of this library of its own. */
function isDrain(value: unknown): value is Drain<unknown> {
  return typeof get(value, "run") === "function";
}

function toLimit(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}

function get(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}

/**
 * The process ends when it has nothing more to do, and not by process.exit(), which would cut a pipe short.
 */
async function print(report: Report): Promise<void> {
  const { outcome, reason, message, fetched, acked, timings } = report;
  const counts = `${fetched} fetched, ${acked} acked, ${Math.round(timings.totalMs)} ms`;
  process.stderr.write(`sluice: ${outcome}, ${reason} (${counts}): ${printable(message)}\n`);
  await new Promise<void>((written) => {
    process.stdout.write(`${jsonLine(report)}\n`, () => written());
  });
}
