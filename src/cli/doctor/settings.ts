// What doctor looks at: the drain as its Worker, or its environment, has it.
import { checkName } from "../../checks.ts";
import type { Auth, DrainSettings } from "../../index.ts";
import { DEFAULTS } from "../../options.ts";
import type { Finding } from "../../report/report.ts";
import { LIMITS_MS } from "../../triggers/limit.ts";
import type { VarName, Vars } from "../../vars/vars.ts";
import { type Environment, type Login, readEnvironment, readLogin } from "../login.ts";
import { readTime } from "../time.ts";
import { UsageError } from "../usage.ts";
import { type DoctorOptions, NAME } from "./diagnosis.ts";
import { CREDENTIALS, passedOver, readVars, SettingsError, SOUND } from "./vars.ts";
import { isWorker, readWorker, type WorkerSettings } from "./worker.ts";

export interface DoctorSettings {
  readonly login: Login;
  readonly stream: string;
  readonly consumer: string;
  readonly domain: string | undefined;
  readonly inboxPrefix: string | undefined;
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
  readonly deadLetter: DrainSettings["deadLetter"];
  readonly targetUrl: string | undefined;
  /** Where the drain keeps its history. */
  readonly bucket: string | undefined;
  /** What the Worker's configuration lacks, or says in vain. */
  readonly passedOver: readonly Finding[];
}

const DEFAULT_LIMIT_MS = 30_000;

/** @throws {SettingsError} with all that is missing or malformed */
export async function readSettings(options: DoctorOptions): Promise<DoctorSettings> {
  const own = await readEnvironment(options);
  const worker = await findWorker(options, own);
  const env = trimmed({ ...worker?.vars, ...own });
  const problems: string[] = [];
  const told = (error: unknown): undefined => {
    if (!(error instanceof Error)) throw error;
    problems.push(...(error instanceof SettingsError ? error.problems : [error.message]));
  };
  const login = await readLogin(options, env, NAME).catch(told);
  const tell = <Value>(read: () => Value): Value | undefined => {
    try {
      return read();
    } catch (error) {
      return told(error);
    }
  };
  const stream = tell(() => need(options.stream ?? env.NATS_STREAM, "--stream", "NATS_STREAM"));
  const consumer = tell(() => need(options.consumer ?? env.NATS_CONSUMER, "--consumer", "NATS_CONSUMER"));
  const domain = options.domain ?? env.NATS_DOMAIN;
  if (options.domain !== undefined) tell(() => checkName("--domain", domain));
  const limitMs = tell(() => readTime(NAME, "--limit", options.limit));
  const betweenRunsMs = tell(() => readTime(NAME, "--every", options.every));
  const posts = env.TARGET_URL !== undefined || worker?.bindsTarget === true;
  const config = tell(() => readVars(asVars(env, login, worker)));
  if (!config || !login || stream === undefined || consumer === undefined || problems.length > 0)
    throw new SettingsError(problems);
  const { batch = DEFAULTS.batch, concurrency = DEFAULTS.concurrency, ...drain } = config.options;
  return {
    login,
    stream,
    consumer,
    domain,
    inboxPrefix: login.inboxPrefix,
    limitMs: limitMs ?? config.limitMs ?? (posts || worker ? LIMITS_MS.cron : DEFAULT_LIMIT_MS),
    betweenRunsMs: betweenRunsMs ?? worker?.betweenRunsMs,
    batch,
    maxBytes: DEFAULTS.maxBytes,
    maxWaitMs: drain.maxWaitMs,
    concurrency,
    handlerTimeoutMs: drain.handlerTimeoutMs,
    posts,
    drains: config.drains,
    deadLetter: drain.deadLetter,
    // Of a binding it is the path.
    targetUrl: worker?.bindsTarget ? undefined : env.TARGET_URL,
    bucket: drain.history?.bucket,
    passedOver: worker ? passedOver(worker) : [],
  };
}

/**
 * The vars as the Worker would have them. What doctor reads in its own way, and may be an option or a
 * file here, is told by what read it.
 */
function asVars(env: Environment, login: Login | undefined, worker: WorkerSettings | undefined): Vars {
  const { NATS_URL, NATS_STREAM, NATS_CONSUMER } = SOUND;
  const needsTarget = worker?.isDeployable || env.TARGET_URL !== undefined;
  return {
    ...env,
    ...Object.fromEntries(CREDENTIALS.map((name) => [name, undefined])),
    ...credentials(login?.auth),
    NATS_URL,
    NATS_STREAM,
    NATS_CONSUMER,
    NATS_INBOX_PREFIX: login?.inboxPrefix,
    ALLOW_INSECURE: String(login?.allowInsecure ?? true),
    TARGET: worker?.bindsTarget ? { fetch: () => Promise.reject(new Error("not called")) } : undefined,
    TARGET_URL: needsTarget ? env.TARGET_URL : SOUND.TARGET_URL,
  };
}

function credentials(auth: Auth | undefined): Partial<Record<VarName, string>> {
  if (auth === undefined || typeof auth === "function") return {};
  if ("token" in auth) return { NATS_TOKEN: auth.token };
  if ("user" in auth) return { NATS_USER: auth.user, NATS_PASSWORD: auth.password };
  return "creds" in auth ? { NATS_CREDS: auth.creds } : { NATS_NKEY_SEED: auth.nkeySeed };
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
