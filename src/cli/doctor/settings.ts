// What doctor looks at: the drain as its Worker, or its environment, has it.
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { parse } from "smol-toml";
import { checkName, checkTarget } from "../../checks.ts";
import { DEFAULTS } from "../../options.ts";
import { type Environment, type Login, readEnvironment, readLogin } from "../login.ts";
import { readTime } from "../time.ts";
import { UsageError } from "../usage.ts";
import { betweenCrons } from "./cron.ts";
import { type DoctorOptions, NAME } from "./diagnosis.ts";

export interface DoctorSettings {
  readonly login: Login;
  readonly stream: string;
  readonly consumer: string;
  readonly domain: string | undefined;
  readonly limitMs: number;
  readonly betweenRunsMs: number | undefined;
  readonly batch: number;
  readonly maxBytes: number;
  readonly maxWaitMs: number | undefined;
  readonly concurrency: number;
  readonly handlerTimeoutMs: number | undefined;
  readonly drains: number;
  readonly deadLetter: { readonly subject: string; readonly maxDeliveries: number | undefined } | undefined;
  readonly targetUrl: string | undefined;
  /** Where the drain keeps its history. */
  readonly bucket: string | undefined;
}

const DEFAULT_LIMIT_MS = 30_000;

/** @throws {UsageError} what is missing or malformed */
export async function readSettings(options: DoctorOptions): Promise<DoctorSettings> {
  const own = await readEnvironment(options);
  const worker = await readWorker(options.worker ?? workingFolder(options, own));
  const env = { ...worker.vars, ...own };
  const login = await readLogin(options, env, NAME);
  const subject = env.DEAD_LETTER_SUBJECT;
  const bucket = env.HISTORY_BUCKET || undefined;
  const domain = options.domain ?? (env.NATS_DOMAIN || undefined);
  // Doctor publishes to it, with an operator's rights, and somebody else may have written the file.
  if (subject) checkTarget("DEAD_LETTER_SUBJECT", subject);
  if (bucket !== undefined) checkName("HISTORY_BUCKET", bucket);
  if (domain !== undefined) checkName("--domain", domain);
  const maxDeliveries = readNumber(env, "MAX_DELIVERIES");
  return {
    login,
    stream: need(options.stream ?? env.NATS_STREAM, "--stream", "NATS_STREAM"),
    consumer: need(options.consumer ?? env.NATS_CONSUMER, "--consumer", "NATS_CONSUMER"),
    domain,
    limitMs: readTime(NAME, "--limit", options.limit) ?? readNumber(env, "LIMIT_MS") ?? DEFAULT_LIMIT_MS,
    betweenRunsMs: readTime(NAME, "--every", options.every) ?? worker.betweenRunsMs,
    batch: readNumber(env, "BATCH") ?? DEFAULTS.batch,
    maxBytes: DEFAULTS.maxBytes,
    maxWaitMs: readNumber(env, "MAX_WAIT_MS"),
    concurrency: readNumber(env, "CONCURRENCY") ?? DEFAULTS.concurrency,
    handlerTimeoutMs: readNumber(env, "HANDLER_TIMEOUT_MS"),
    drains: readNumber(env, "DRAINS") ?? 1,
    deadLetter: subject ? { subject, maxDeliveries } : undefined,
    targetUrl: env.TARGET_URL || undefined,
    bucket,
  };
}

interface Worker {
  /** Its vars, and its secrets on this machine. */
  readonly vars: Environment;
  readonly betweenRunsMs: number | undefined;
}

/** Where nothing else says what to look at, the Worker of the working folder, if it has one. */
function workingFolder({ server }: DoctorOptions, env: Environment): string | undefined {
  return server === undefined && !env.NATS_URL && existsSync("wrangler.toml") ? "." : undefined;
}

async function readWorker(folder: string | undefined): Promise<Worker> {
  if (folder === undefined) return { vars: {}, betweenRunsMs: undefined };
  const file = join(folder, "wrangler.toml");
  const text = await readFile(file, "utf8").catch((cause: unknown) => {
    throw new UsageError(`--worker: ${file} cannot be read`, NAME, { cause });
  });
  const { vars, triggers } = parseToml(file, text);
  const own = Object.entries({ ...(vars as object | undefined) });
  const secrets = await readFile(join(folder, ".dev.vars"), "utf8").catch(() => "");
  const { crons }: { crons?: unknown } = { ...(triggers as object | undefined) };
  return {
    vars: { ...Object.fromEntries(own.map(([name, value]) => [name, String(value)])), ...parseEnv(secrets) },
    betweenRunsMs: Array.isArray(crons) && crons.length === 1 ? betweenCrons(String(crons[0])) : undefined,
  };
}

function parseToml(file: string, text: string): Record<string, unknown> {
  try {
    return parse(text);
  } catch (cause) {
    throw new UsageError(`--worker: ${file} is not TOML`, NAME, { cause });
  }
}

function need(value: string | undefined, option: string, variable: string): string {
  if (!value) throw new UsageError(`${option} is missing, and ${variable} is not set`, NAME);
  checkName(option, value);
  return value;
}

function readNumber(env: Environment, name: string): number | undefined {
  const text = env[name];
  if (!text) return undefined;
  if (!/^\d{1,9}$/.test(text)) throw new UsageError(`${name} must be a whole number`, NAME);
  return Number(text);
}
