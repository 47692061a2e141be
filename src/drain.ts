// defineDrain(): one bounded drain, from the platform's limit to the report.
import type { Deadlines } from "./assemble.ts";
import { type Budget, LimitTooSmallError, planBudget } from "./budget.ts";
import { isInvalidOption } from "./checks.ts";
import { type Connected, connect } from "./connection/connect.ts";
import { classifyConnectFailure } from "./connection/failure.ts";
import { Inboxes } from "./connection/inbox.ts";
import { insecureServers, showServers } from "./connection/login.ts";
import { type Deadline, now, waitUntil } from "./deadline.ts";
import type { Backlog } from "./fetch/backlog.ts";
import { Consumer } from "./fetch/consumer.ts";
import type { Codec, CodecValues } from "./message/value.ts";
import { guardObserver } from "./observe/guard.ts";
import { readLastRecord, writeHistory } from "./observe/history.ts";
import type { Observer } from "./observe/observer.ts";
import { type AnyOptions, type DrainOptions, type Resolved, withDefaults } from "./options.ts";
import { Journal } from "./report/journal.ts";
import { type Ending, ending } from "./report/reasons.ts";
import { makeReport, NO_COUNTS, type Report } from "./report/report.ts";
import { findings } from "./report/verdict.ts";
import { DrainRun } from "./run.ts";
import { validateOptions } from "./validate.ts";

/** A limit, known beforehand or asked of the platform when the drain starts. Milliseconds. */
export type Limit =
  | { readonly limitMs: number; readonly remainingMs?: undefined }
  | {
      readonly limitMs?: undefined;
      /** Asked once, when the drain starts. */
      readonly remainingMs: () => number;
    };

/** The platform's bindings; may be left out where the drain's options do not use them. */
export type WithEnv<Env> = unknown extends Env ? { readonly env?: Env } : { readonly env: Env };

/** What one invocation gives its drain. */
export type RunInput<Env> = WithEnv<Env> & Limit & RunExtras;

/** What an invocation may give beside its limit. */
export interface RunExtras {
  /** Aborts the drain: nothing more is started, what is held is released, and the report says `aborted`. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Where the platform has it: keeps the invocation alive until the drain has ended, also when its
   * caller goes away.
   */
  readonly waitUntil?: ((promise: Promise<unknown>) => void) | undefined;
  /**
   * Called once, when the drain has learned from its first answer what there is to drain; not at all
   * where nothing tells.
   */
  readonly onBacklog?: ((backlog: Backlog) => void) | undefined;
  /** Another drain called this one: where it could call others, it calls none. */
  readonly alone?: boolean | undefined;
}

/**
 * The input of a trigger that is generic over `Env`: TypeScript resolves {@link WithEnv} only where
 * `Env` is known.
 */
export function runInput<Env>(env: Env, rest: Limit & RunExtras): RunInput<Env> {
  return { env, ...rest } as RunInput<Env>; // whichever of its branches WithEnv is, `env` fits
}

/** A drain, defined once; each call of `run` is one invocation's work and shares nothing with another. */
export interface Drain<Env = unknown> {
  /**
   * Drains once, and returns before the limit whatever happens. Every failure of the outside world
   * is a report.
   *
   * @throws only what the options function itself throws
   */
  run(input: RunInput<Env>): Promise<Report>;
}

/** The drain's options, or a function that makes them from the platform's bindings at each run. */
export type OptionsSource<Env, C extends Codec = "bytes", Value = CodecValues[C]> =
  | DrainOptions<Env, C, Value>
  | ((env: Env) => DrainOptions<Env, C, Value> | Promise<DrainOptions<Env, C, Value>>);

type AnySource<Env> = AnyOptions<Env> | ((env: Env) => AnyOptions<Env> | Promise<AnyOptions<Env>>);

/**
 * Defines a drain. `env`, `message.value` and what the handler may return are inferred: from the
 * function's parameter, from `schema` or `codec`, and from {@link Settlement}.
 *
 * @example
 * const orders = defineDrain({
 *   servers: "wss://nats.example.com",
 *   stream: "ORDERS",
 *   consumer: "billing",
 *   handler: (message) => console.log(message.id),
 * });
 * // await orders.run({ limitMs: 25_000 }) drains once.
 *
 * @throws {TypeError} an option is missing or malformed (from a function: a report with reason
 * `invalid-options`)
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
      try {
        input.waitUntil?.(running.catch(() => {}));
      } catch {
        // The drain runs, and its caller waits for it all the same.
      }
      return running;
    },
  };
}

async function runDrain<Env>(source: AnySource<Env>, input: RunInput<Env>): Promise<Report> {
  const start: Start = { at: now(), date: new Date() };
  const env = input.env as Env; // left out only where Env is unknown, and then undefined is one
  let options: Resolved<Env> | undefined;
  try {
    options = withDefaults(await resolveOptions(source, env));
    const budget = planBudget(limitOf(input), options);
    return await drain(options, budget, env, start, input);
  } catch (error) {
    if (isInvalidOption(error) || error instanceof LimitTooSmallError) {
      return emptyReport(ending("invalid-options", error.message), start, options);
    }
    throw error;
  }
}

async function resolveOptions<Env>(source: AnySource<Env>, env: Env): Promise<AnyOptions<Env>> {
  if (typeof source !== "function") return source;
  const options = await source(env);
  validateOptions(options);
  return options;
}

/**
 * What the platform says comes first; a limit that is given as undefined is none, nor is one that
 * cannot be asked for.
 */
function limitOf(input: Limit): number {
  try {
    if ("remainingMs" in input && input.remainingMs) return input.remainingMs();
  } catch {
    return Number.NaN;
  }
  return "limitMs" in input ? Number(input.limitMs) : Number.NaN;
}

/** The story. */
async function drain<Env>(
  options: Resolved<Env>,
  budget: Budget,
  env: Env,
  start: Start,
  { onBacklog, signal = new AbortController().signal }: RunExtras,
): Promise<Report> {
  const deadlines = setDeadlines(start.at, budget);
  const journal = new Journal();
  for (const server of insecureServers(options)) journal.note("insecure-connection", server);
  const observer = guardObserver(options.observer, journal);
  observer?.start?.({
    stream: options.stream,
    consumer: options.consumer,
    limitMs: budget.limitMs,
    at: start.date,
  });
  // The question about the consumer travels with the sign-in.
  const inboxes = new Inboxes(options.inboxPrefix);
  const consumer = new Consumer(options, inboxes.answers);
  const request = { ...options, opening: { inboxes: inboxes.all, question: consumer.question } };
  const connecting = await connect(request, deadlines.connect, signal);
  if (connecting.kind !== "connected") {
    const end = classifyConnectFailure(connecting, showServers(options.servers));
    return await told(emptyReport(end, start, options, journal), observer, deadlines);
  }
  const { connection }: Connected = connecting;
  const connectMs = now() - start.at;
  let run: DrainRun<Env> | undefined;
  let report: Report;
  try {
    observer?.connected?.({ connectMs });
    const answering = consumer.listen(connection, deadlines.handle);
    const history = options.history && { ...options, ...options.history };
    // Asked while the drain works, so that keeping its report takes one round trip.
    const last = history && readLastRecord(connection.nats, history, deadlines.settle - now());
    const given = {
      connection,
      inboxes,
      consumer,
      options,
      budget,
      deadlines,
      journal,
      observer,
      env,
      start,
      connectMs,
      signal,
      onBacklog,
    };
    run = new DrainRun(given);
    // It is on its way since before the connection was ready; a drain that may not ask goes on without.
    await waitUntil(Promise.race([answering, run.stopped]), now() + Math.max(100, 2 * connectMs));
    const fetched = await run.fetch();
    const cutShort = await run.handle();
    const gone = await run.confirm();
    report = run.report(fetched, cutShort, gone);
    if (
      history &&
      !connection.ended &&
      !(await writeHistory(connection.nats, report, history, deadlines.settle - now(), last))
    ) {
      journal.note("history-failed", `bucket "${history.bucket}"`);
      report = run.report(fetched, cutShort, gone);
    }
  } finally {
    await run?.[Symbol.asyncDispose]();
    await connection.close();
  }
  const closedMs = sinceStart(start);
  report = { ...report, timings: { ...report.timings, closedMs } };
  return await told(report, observer, deadlines);
}

/** When a drain started: on the monotonic clock, and for people. */
interface Start {
  readonly at: Deadline;
  readonly date: Date;
}

/** Tenths of a millisecond. */
function sinceStart({ at }: Start): number {
  return Math.round((now() - at) * 10) / 10;
}

/** An exporter may take so long to send what it has, in milliseconds: one that hangs holds no drain. */
const TELL_MS = 1_000;

/** Tells the observer, inside the budget. */
async function told(report: Report, observer: Observer | undefined, { settle }: Deadlines): Promise<Report> {
  if (observer?.report) {
    await waitUntil(Promise.resolve(observer.report(report)), Math.min(settle, now() + TELL_MS));
  }
  return report;
}

function setDeadlines(startedAt: Deadline, budget: Budget): Deadlines {
  const settle = startedAt + budget.limitMs - budget.closeMs;
  return { connect: startedAt + budget.connectMs, handle: settle - budget.settleMs, settle };
}

/** The report of a drain that received nothing. */
function emptyReport(
  end: Ending,
  start: Start,
  target?: { stream: string; consumer: string },
  journal: Journal = new Journal(),
): Report {
  return makeReport(end, {
    stream: target?.stream ?? "",
    consumer: target?.consumer ?? "",
    ...NO_COUNTS,
    more: false,
    heartbeats: 0,
    startedAt: start.date.toISOString(),
    timings: { totalMs: sinceStart(start) },
    findings: findings(journal),
  });
}
