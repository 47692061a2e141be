// defineDrain(): one bounded drain, from the platform's limit to the report.
import { type Budget, LimitTooSmallError, planBudget } from "./budget.ts";
import { isInvalidOption } from "./checks.ts";
import { type Connected, connect } from "./connection/connect.ts";
import { classifyConnectFailure } from "./connection/failure.ts";
import type { Codec, CodecValues } from "./message/codec.ts";
import { type AnyOptions, DEFAULTS, type DrainOptions } from "./options.ts";
import { type Ending, ending } from "./report/reasons.ts";
import { makeReport, type Report } from "./report/report.ts";
import { type Deadlines, DrainRun } from "./run.ts";
import { validateOptions } from "./validate.ts";

/** A limit, known beforehand or asked of the platform when the drain starts. Milliseconds. */
export type Limit = { readonly limitMs: number } | { readonly remainingMs: () => number };

/** The platform's bindings; may be left out where the drain's options do not use them. */
export type WithEnv<Env> = unknown extends Env ? { readonly env?: Env } : { readonly env: Env };

/** What one invocation gives its drain. */
export type RunInput<Env> = WithEnv<Env> & Limit & RunExtras;

/** What an invocation may give beside its limit. */
export interface RunExtras {
  /** Aborts the drain: nothing more is started, what is held is released, and the report says `aborted`. */
  readonly signal?: AbortSignal | undefined;
  /** Where the platform has it: keeps the invocation alive until the drain has ended, also when its caller goes away. */
  readonly waitUntil?: ((promise: Promise<unknown>) => void) | undefined;
}

/** The input of a trigger that is generic over `Env`: TypeScript resolves {@link WithEnv} only where `Env` is known. */
export function runInput<Env>(env: Env, rest: Limit & RunExtras): RunInput<Env> {
  return { env, ...rest } as RunInput<Env>; // whichever of its branches WithEnv is, `env` fits
}

/** A drain, defined once; each call of `run` is one invocation's work and shares nothing with another. */
export interface Drain<Env = unknown> {
  /**
   * Drains once, and returns before the limit whatever happens. Every failure of the outside world is a report.
   *
   * @throws only what the options function itself throws
   */
  run(input: RunInput<Env>): Promise<Report>;
}

/** The drain's options, or a function that makes them from the platform's bindings at each run. */
export type OptionsSource<Env, C extends Codec = "bytes", Value = CodecValues[C]> =
  | DrainOptions<Env, C, Value>
  | ((env: Env) => DrainOptions<Env, C, Value>);

type AnySource<Env> = AnyOptions<Env> | ((env: Env) => AnyOptions<Env>);

/**
 * Defines a drain. `env`, `message.value` and what the handler may return are inferred: from the function's parameter, from
 * `schema` or `codec`, and from {@link Settlement}.
 *
 * @throws {TypeError} an option is missing or malformed (from a function: a report with reason `invalid-options`)
 * @throws {RangeError} an option is out of its range (likewise)
 */
export function defineDrain<Env = unknown, C extends Codec = "bytes", Value = CodecValues[C]>(
  options: OptionsSource<Env, C, Value>,
): Drain<Env> {
  // From here on a value is what the reader gives, which is what the handler's type asked for.
  const source = options as AnySource<Env>;
  if (typeof source !== "function") validateOptions(source);
  return {
    run(input) {
      const running = runDrain(source, input);
      input.waitUntil?.(running.catch(() => {}));
      return running;
    },
  };
}

async function runDrain<Env>(source: AnySource<Env>, input: RunInput<Env>): Promise<Report> {
  const startedAt = Date.now();
  const env = input.env as Env; // left out only where Env is unknown, and then undefined is one
  let options: AnyOptions<Env> | undefined;
  try {
    options = resolveOptions(source, env);
    const budget = planBudget("limitMs" in input ? input.limitMs : input.remainingMs(), options);
    return await drain(options, budget, env, startedAt, input.signal);
  } catch (error) {
    if (isInvalidOption(error) || error instanceof LimitTooSmallError) {
      return emptyReport(ending("invalid-options", error.message), startedAt, options);
    }
    throw error;
  }
}

function resolveOptions<Env>(source: AnySource<Env>, env: Env): AnyOptions<Env> {
  if (typeof source !== "function") return source;
  const options = source(env);
  validateOptions(options);
  return options;
}

/** The story. */
async function drain<Env>(
  options: AnyOptions<Env>,
  budget: Budget,
  env: Env,
  startedAt: number,
  signal: AbortSignal = new AbortController().signal,
): Promise<Report> {
  const deadlines = setDeadlines(startedAt, budget);
  const connecting = await connect(
    { ...options, name: options.name ?? DEFAULTS.name },
    deadlines.connect,
    signal,
  );
  if (connecting.kind !== "connected") {
    return emptyReport(classifyConnectFailure(connecting, showServers(options)), startedAt, options);
  }
  const { connection }: Connected = connecting;
  const run = new DrainRun({ connection, options, budget, deadlines, env, startedAt, signal });
  try {
    await run.fetch();
    await run.handle();
    await run.confirm();
  } finally {
    await run.close();
    await connection.close();
  }
  return run.report();
}

function setDeadlines(startedAt: number, budget: Budget): Deadlines {
  const settle = startedAt + budget.limitMs - budget.closeMs;
  return { connect: startedAt + budget.connectMs, handle: settle - budget.settleMs, settle };
}

/** The report of a drain that received nothing. */
function emptyReport(end: Ending, startedAt: number, target?: { stream: string; consumer: string }): Report {
  return makeReport(end, {
    stream: target?.stream ?? "",
    consumer: target?.consumer ?? "",
    fetched: 0,
    acked: 0,
    retried: 0,
    rejected: 0,
    deadLettered: 0,
    released: 0,
    exhausted: 0,
    unconfirmed: 0,
    more: false,
    heartbeats: 0,
    startedAt: new Date(startedAt).toISOString(),
    timings: { totalMs: Date.now() - startedAt },
    findings: [],
  });
}

function showServers({ servers }: Pick<DrainOptions, "servers">): string {
  return typeof servers === "string" ? servers : servers.join(", ");
}
