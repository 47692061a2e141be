// The deployable Worker's configuration. It turns vars into the drain's options, lets defineDrain
// check them, and names the var of the option that is wrong. Only what no option has is checked here.
import { checkWholeNumber, type InvalidOption, invalidOption, isInvalidOption } from "../checks.ts";
import { type Auth, type DrainSettings, defineDrain, MIN_LIMIT_MS } from "../index.ts";
import { forwardedNames } from "./forwarded-names.ts";
import { readTarget } from "./target-url.ts";
import { flag, invalidVar, list, required, type Target, text, type Vars, wholeNumber } from "./vars.ts";

export interface Config {
  /** The drain's options, all but its handler. */
  readonly options: DrainSettings;
  /** Where events are posted. Of a service binding only the path matters. */
  readonly targetUrl: string;
  readonly target: Target | undefined;
  /** Headers of a message that go to the target, in lower case. */
  readonly forwardHeaders: readonly string[];
  /** The whole drain, in milliseconds; undefined for the trigger's own. */
  readonly limitMs: number | undefined;
  /** Drains that one invocation makes at most, side by side, over the same consumer. */
  readonly drains: number;
}

/** The longest invocation that Workers has, by cron. */
const MAX_LIMIT_MS = 900_000;
/** Each is an invocation, and a Worker may call 32 of its own in one request. */
const MAX_DRAINS = 32;
/** A target that failed so often in a row is down: what is left keeps its deliveries for when it is back. */
const STOP_AFTER_FAILURES = 5;

const CREDENTIALS = "NATS_TOKEN, NATS_USER, NATS_CREDS, NATS_NKEY_SEED";

/** The var of each option. */
const VAR_OF: Readonly<Record<string, string>> = {
  servers: "NATS_URL",
  auth: CREDENTIALS,
  "auth.creds": "NATS_CREDS",
  "auth.nkeySeed": "NATS_NKEY_SEED",
  stream: "NATS_STREAM",
  consumer: "NATS_CONSUMER",
  batch: "BATCH",
  fetches: "FETCHES",
  concurrency: "CONCURRENCY",
  maxWaitMs: "MAX_WAIT_MS",
  until: "UNTIL",
  handlerTimeoutMs: "HANDLER_TIMEOUT_MS",
  stopAfterFailures: "STOP_AFTER_FAILURES",
  "deadLetter.subject": "DEAD_LETTER_SUBJECT",
  "deadLetter.maxDeliveries": "MAX_DELIVERIES",
  inboxPrefix: "NATS_INBOX_PREFIX",
  domain: "NATS_DOMAIN",
  "history.bucket": "HISTORY_BUCKET",
  allowInsecure: "ALLOW_INSECURE",
};

/**
 * Reads and checks the configuration.
 *
 * @throws {TypeError} a var is missing or malformed; the message begins with its name and holds no value
 * @throws {RangeError} a number is out of its range; likewise
 */
export function readConfig(vars: Vars): Config {
  const options = readOptions(vars);
  check(() => defineDrain({ ...options, handler: () => {} }));
  return {
    options,
    limitMs: readLimitMs(vars),
    drains: readDrains(vars),
    ...readTarget(vars, options.allowInsecure === true),
    forwardHeaders: forwardedNames(list(vars, "FORWARD_HEADERS")),
  };
}

function readLimitMs(vars: Vars): number | undefined {
  const limitMs = wholeNumber(vars, "LIMIT_MS");
  check(() => checkWholeNumber("LIMIT_MS", limitMs, MIN_LIMIT_MS, MAX_LIMIT_MS));
  return limitMs;
}

function readDrains(vars: Vars): number {
  const drains = wholeNumber(vars, "DRAINS");
  check(() => checkWholeNumber("DRAINS", drains, 1, MAX_DRAINS));
  return drains ?? 1;
}

/**
 * A drain's limit in milliseconds; undefined also where LIMIT_MS is malformed, which the drain reports
 * with every other var.
 */
export function limitMsOf(vars: Vars): number | undefined {
  try {
    return readLimitMs(vars);
  } catch {
    return undefined;
  }
}

/** Drains at once; 1 also where DRAINS is malformed, which the drain reports. */
export function drainsOf(vars: Vars): number {
  try {
    return readDrains(vars);
  } catch {
    return 1;
  }
}

function readOptions(vars: Vars): DrainSettings {
  const bucket = text(vars, "HISTORY_BUCKET");
  // An entry that is not text, or none at all, is told as a var that is not set.
  required(vars, "NATS_URL");
  return {
    servers: list(vars, "NATS_URL"),
    auth: readAuth(vars),
    stream: required(vars, "NATS_STREAM"),
    consumer: required(vars, "NATS_CONSUMER"),
    batch: wholeNumber(vars, "BATCH"),
    fetches: wholeNumber(vars, "FETCHES"),
    concurrency: wholeNumber(vars, "CONCURRENCY"),
    maxWaitMs: wholeNumber(vars, "MAX_WAIT_MS"),
    until: text(vars, "UNTIL") as DrainSettings["until"], // text yet; the option's check knows the words
    handlerTimeoutMs: wholeNumber(vars, "HANDLER_TIMEOUT_MS"),
    stopAfterFailures: wholeNumber(vars, "STOP_AFTER_FAILURES") ?? STOP_AFTER_FAILURES,
    deadLetter: readDeadLetter(vars),
    inboxPrefix: text(vars, "NATS_INBOX_PREFIX"),
    domain: text(vars, "NATS_DOMAIN"),
    history: bucket === undefined ? undefined : { bucket },
    allowInsecure: flag(vars, "ALLOW_INSECURE"),
  };
}

/** All credentials that are set: the option's check refuses two kinds of them. */
function readAuth(vars: Vars): Auth | undefined {
  const given = {
    token: text(vars, "NATS_TOKEN"),
    user: text(vars, "NATS_USER"),
    creds: text(vars, "NATS_CREDS"),
    nkeySeed: text(vars, "NATS_NKEY_SEED"),
    password: text(vars, "NATS_PASSWORD"),
  };
  const set = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  if (Object.keys(set).length === 0) return undefined;
  // A half of a pair would be told as the other three kinds.
  if (set.user !== undefined || set.password !== undefined) {
    const others = Object.keys(set).length > (set.user === undefined || set.password === undefined ? 1 : 2);
    if (others) throw invalidVar(CREDENTIALS, "must be of one kind; several are set");
    return { user: required(vars, "NATS_USER"), password: required(vars, "NATS_PASSWORD") };
  }
  return set as Auth; // one kind of it, or the option's check refuses it
}

function readDeadLetter(vars: Vars): DrainSettings["deadLetter"] {
  const maxDeliveries = wholeNumber(vars, "MAX_DELIVERIES");
  const subject = text(vars, "DEAD_LETTER_SUBJECT");
  if (subject !== undefined) return { subject, maxDeliveries };
  if (maxDeliveries === undefined) return undefined;
  throw invalidVar("DEAD_LETTER_SUBJECT", "is not set, and MAX_DELIVERIES needs it");
}

/** Names the var of an option that is wrong, and leaves its value out. */
function check(checked: () => unknown): void {
  try {
    checked();
  } catch (error) {
    if (!isInvalidOption(error)) throw error;
    throw invalidOptionOf(error);
  }
}

function invalidOptionOf(error: InvalidOption): InvalidOption {
  const Kind = error instanceof RangeError ? RangeError : TypeError;
  return invalidOption(Kind, VAR_OF[error.option] ?? error.option, error.problem);
}
