// What doctor looks at: the drain as its Worker, or its environment, has it.
import { checkName, checkTarget } from "../../checks.ts";
import { DEFAULTS } from "../../options.ts";
import { LIMITS_MS } from "../../triggers/limit.ts";
import { type Environment, type Login, readEnvironment, readLogin } from "../login.ts";
import { readTime } from "../time.ts";
import { UsageError } from "../usage.ts";
import { type DoctorOptions, NAME } from "./diagnosis.ts";
import { checkVars, readNumber } from "./vars.ts";
import { isWorker, readWorker, type WorkerSettings } from "./worker.ts";

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
  /** The drain is the deployable Worker's, which posts to a target and bounds each request. */
  readonly posts: boolean;
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
  const worker = await findWorker(options, own);
  const env = trimmed({ ...worker?.vars, ...own });
  const login = await readLogin(options, env, NAME);
  checkVars(env);
  const subject = env.DEAD_LETTER_SUBJECT;
  const bucket = env.HISTORY_BUCKET;
  const domain = options.domain ?? env.NATS_DOMAIN;
  // Doctor publishes to it, with an operator's rights, and somebody else may have written the file.
  if (subject) checkTarget("DEAD_LETTER_SUBJECT", subject);
  if (bucket !== undefined) checkName("HISTORY_BUCKET", bucket);
  if (domain !== undefined) checkName("--domain", domain);
  const maxDeliveries = readNumber(env, "MAX_DELIVERIES");
  const posts = env.TARGET_URL !== undefined || worker?.bindsTarget === true;
  if (worker?.isDeployable && !posts)
    throw new UsageError("TARGET_URL is not set, and there is no service binding TARGET", NAME);
  const presetMs = posts || worker ? LIMITS_MS.cron : DEFAULT_LIMIT_MS;
  return {
    login,
    stream: need(options.stream ?? env.NATS_STREAM, "--stream", "NATS_STREAM"),
    consumer: need(options.consumer ?? env.NATS_CONSUMER, "--consumer", "NATS_CONSUMER"),
    domain,
    limitMs: readTime(NAME, "--limit", options.limit) ?? readNumber(env, "LIMIT_MS") ?? presetMs,
    betweenRunsMs: readTime(NAME, "--every", options.every) ?? worker?.betweenRunsMs,
    batch: readNumber(env, "BATCH") ?? DEFAULTS.batch,
    maxBytes: DEFAULTS.maxBytes,
    maxWaitMs: readNumber(env, "MAX_WAIT_MS"),
    concurrency: readNumber(env, "CONCURRENCY") ?? DEFAULTS.concurrency,
    handlerTimeoutMs: readNumber(env, "HANDLER_TIMEOUT_MS"),
    posts,
    drains: readNumber(env, "DRAINS") ?? 1,
    deadLetter: subject ? { subject, maxDeliveries } : undefined,
    targetUrl: env.TARGET_URL,
    bucket,
  };
}

/** That of --worker; where nothing else says what to look at, that of the working folder, if it has one. */
async function findWorker(options: DoctorOptions, own: Environment): Promise<WorkerSettings | undefined> {
  const { worker, env, server } = options;
  if (worker !== undefined || env !== undefined) return await readWorker(worker ?? ".", env);
  return server === undefined && !own.NATS_URL && isWorker(".")
    ? await readWorker(".", undefined)
    : undefined;
}

/** As the Worker reads them: without the spaces that pasting leaves, and without empty ones. */
function trimmed(env: Environment): Environment {
  return Object.fromEntries(Object.entries(env).map(([name, value]) => [name, value?.trim() || undefined]));
}

function need(value: string | undefined, option: string, variable: string): string {
  if (!value) throw new UsageError(`${option} is missing, and ${variable} is not set`, NAME);
  checkName(option, value);
  return value;
}
