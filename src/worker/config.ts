// The deployable Worker's configuration: vars and secrets in, checked and typed, each error naming the var.
import { type Auth, type DeadLetterOptions, invalidOption, LEAST_LIMIT_MS } from "../index.ts";

/** The vars, secrets and bindings that the Worker reads. All are text, and a var may be missing whatever the types say. */
export type Vars = { readonly [name in VarName]?: string | undefined } & {
  readonly TARGET?: Target | undefined;
};

/** A service binding that takes the events. */
export interface Target {
  fetch(input: string, init?: RequestInit): Promise<Response>;
}

type VarName =
  | ("NATS_URL" | "NATS_STREAM" | "NATS_CONSUMER" | "TARGET_URL")
  | (
      | "BATCH"
      | "CONCURRENCY"
      | "MAX_WAIT_MS"
      | "LIMIT_MS"
      | "FETCHES"
      | "DEAD_LETTER_SUBJECT"
      | "MAX_DELIVERIES"
    )
  | ("NATS_TOKEN" | "NATS_USER" | "NATS_PASSWORD" | "NATS_CREDS" | "DRAIN_TOKEN");

export interface Config {
  readonly server: string;
  readonly auth: Auth | undefined;
  readonly stream: string;
  readonly consumer: string;
  /** Where events are posted. Of a service binding only the path matters. */
  readonly targetUrl: string;
  readonly target: Target | undefined;
  readonly batch: number | undefined;
  readonly concurrency: number | undefined;
  readonly maxWaitMs: number | undefined;
  readonly limitMs: number | undefined;
  readonly fetches: number | undefined;
  readonly deadLetter: DeadLetterOptions | undefined;
}

/**
 * Reads and checks the configuration.
 *
 * @throws {TypeError} a var is missing or malformed; the message begins with its name
 * @throws {RangeError} a number is out of its range; likewise
 */
export function readConfig(vars: Vars): Config {
  return {
    server: url(vars, "NATS_URL", ["wss:", "ws:"], "wss://nats.example.com"),
    auth: readAuth(vars),
    stream: name(vars, "NATS_STREAM"),
    consumer: name(vars, "NATS_CONSUMER"),
    ...readTarget(vars),
    batch: wholeNumber(vars, "BATCH", 1, 1_000_000),
    concurrency: wholeNumber(vars, "CONCURRENCY", 1, 10_000),
    maxWaitMs: wholeNumber(vars, "MAX_WAIT_MS", 0, 3_600_000),
    // The least budget, and the longest invocation that Workers has.
    limitMs: wholeNumber(vars, "LIMIT_MS", LEAST_LIMIT_MS, 900_000),
    fetches: wholeNumber(vars, "FETCHES", 1, 1_000_000),
    deadLetter: readDeadLetter(vars),
  };
}

/** Checks the secret of the HTTP routes: a bearer token has these characters only (RFC 6750), and others never match. */
export function checkDrainToken(vars: Vars): void {
  const token = required(vars, "DRAIN_TOKEN");
  if (!/^[A-Za-z0-9._~+/-]+=*$/.test(token)) {
    throw invalidOption(
      TypeError,
      "DRAIN_TOKEN",
      "may have letters, digits and ._~+/- only, and = at its end",
    );
  }
}

function required(vars: Vars, key: VarName): string {
  const value = optional(vars, key);
  if (!value) throw invalidOption(TypeError, key, "is not set");
  return value;
}

function optional(vars: Vars, key: VarName): string | undefined {
  // A number without quotes in wrangler.toml arrives as one.
  const value: unknown = vars[key];
  return value === undefined || value === null ? undefined : String(value).trim() || undefined;
}

function url(vars: Vars, key: VarName, protocols: readonly string[], example: string): string {
  const value = required(vars, key);
  const parsed = URL.canParse(value) ? new URL(value) : undefined;
  // The value may hold a password, so the message does not.
  if (!parsed || !protocols.includes(parsed.protocol))
    throw invalidOption(TypeError, key, `must be a URL such as ${example}`);
  if (parsed.username || parsed.password) {
    throw invalidOption(TypeError, key, "must not hold a user or password; set them as secrets");
  }
  return value;
}

function name(vars: Vars, key: VarName): string {
  const value = required(vars, key);
  if (/[\s.*>/\\]/.test(value))
    throw invalidOption(
      TypeError,
      key,
      `must have no space, dot, *, >, / or \\, not ${JSON.stringify(value)}`,
    );
  return value;
}

function wholeNumber(vars: Vars, key: VarName, low: number, high: number): number | undefined {
  const value = optional(vars, key);
  if (value === undefined) return undefined;
  const number = /^\d+$/.test(value) ? Number(value) : Number.NaN;
  if (!(number >= low && number <= high)) {
    throw invalidOption(
      RangeError,
      key,
      `must be a whole number from ${low} to ${high}, not ${JSON.stringify(value)}`,
    );
  }
  return number;
}

function readAuth(vars: Vars): Auth | undefined {
  const creds = optional(vars, "NATS_CREDS");
  const token = optional(vars, "NATS_TOKEN");
  const user = optional(vars, "NATS_USER");
  const password = optional(vars, "NATS_PASSWORD");
  if ([creds, token, user ?? password].filter(Boolean).length > 1) {
    throw invalidOption(
      TypeError,
      "NATS_CREDS, NATS_TOKEN, NATS_USER",
      "set one kind of credentials, not several",
    );
  }
  if (creds !== undefined) {
    if (!/BEGIN NATS USER JWT/.test(creds) || !/BEGIN USER NKEY SEED/.test(creds)) {
      throw invalidOption(
        TypeError,
        "NATS_CREDS",
        "must be the text of a .creds file; its JWT or its seed is missing",
      );
    }
    return { creds };
  }
  if (token !== undefined) return { token };
  if (user === undefined && password === undefined) return undefined;
  return { user: required(vars, "NATS_USER"), password: required(vars, "NATS_PASSWORD") };
}

function readTarget(vars: Vars): Pick<Config, "target" | "targetUrl"> {
  if (vars.TARGET === undefined && optional(vars, "TARGET_URL") === undefined) {
    throw invalidOption(TypeError, "TARGET_URL", "is not set, and there is no service binding TARGET");
  }
  const targetUrl =
    optional(vars, "TARGET_URL") === undefined
      ? "https://target/"
      : url(vars, "TARGET_URL", ["https:", "http:"], "https://example.com/events");
  return { target: vars.TARGET, targetUrl };
}

function readDeadLetter(vars: Vars): DeadLetterOptions | undefined {
  const maxDeliveries = wholeNumber(vars, "MAX_DELIVERIES", 1, 1_000_000);
  const subject = optional(vars, "DEAD_LETTER_SUBJECT");
  if (subject === undefined) {
    if (maxDeliveries !== undefined)
      throw invalidOption(TypeError, "DEAD_LETTER_SUBJECT", "is not set, and MAX_DELIVERIES needs it");
    return undefined;
  }
  if (!/^[^\s.*>]+(\.[^\s.*>]+)*$/.test(subject)) {
    throw invalidOption(
      TypeError,
      "DEAD_LETTER_SUBJECT",
      `must be a subject without wildcards, not ${JSON.stringify(subject)}`,
    );
  }
  return { subject, maxDeliveries };
}
