// The deployable Worker's vars, secrets and bindings, and how their text is read. Nothing here quotes
// a value: a visitor may see the error, and a value in the wrong var may be a secret.
import { type InvalidOption, invalidOption } from "../checks.ts";
import type { DrainQueue, Self } from "../triggers/cloudflare.ts";

/**
 * The vars, secrets and bindings that the Worker reads. All are text, and a var may be missing
 * whatever the types say.
 */
export type Vars = { readonly [name in VarName]?: string | undefined } & {
  readonly TARGET?: Target | undefined;
  /** This Worker's entry point `Drains`, for DRAINS. */
  readonly SELF?: Self | undefined;
  /** A queue for DRAINS in its place: this Worker is its consumer, too. */
  readonly DRAINS_QUEUE?: DrainQueue | undefined;
};

/** A service binding that takes the events. */
export interface Target {
  fetch(input: string, init?: RequestInit): Promise<Response>;
}

/** In the order of wrangler.toml. */
export const VAR_NAMES = [
  "NATS_URL",
  "NATS_STREAM",
  "NATS_CONSUMER",
  "TARGET_URL",
  "BATCH",
  "FETCHES",
  "CONCURRENCY",
  "MAX_WAIT_MS",
  "LIMIT_MS",
  "UNTIL",
  "DRAINS",
  "HANDLER_TIMEOUT_MS",
  "STOP_AFTER_FAILURES",
  "DEAD_LETTER_SUBJECT",
  "MAX_DELIVERIES",
  "FORWARD_HEADERS",
  "NATS_INBOX_PREFIX",
  "NATS_DOMAIN",
  "HISTORY_BUCKET",
  "ALLOW_INSECURE",
  "NATS_TOKEN",
  "NATS_USER",
  "NATS_PASSWORD",
  "NATS_CREDS",
  "NATS_NKEY_SEED",
  "DRAIN_TOKEN",
] as const;

export type VarName = (typeof VAR_NAMES)[number];

/**
 * The var's text without the spaces that pasting leaves around it; undefined where it is not set, or
 * empty.
 */
export function text(vars: Vars, key: VarName): string | undefined {
  // A number without quotes in wrangler.toml arrives as one.
  const value: unknown = vars[key];
  return value === undefined || value === null ? undefined : String(value).trim() || undefined;
}

/** @throws {TypeError} the var is not set */
export function required(vars: Vars, key: VarName): string {
  const value = text(vars, key);
  if (value === undefined) throw invalidVar(key, "is not set");
  return value;
}

/** The entries of a comma list, without empty ones. */
export function list(vars: Vars, key: VarName): readonly string[] {
  const entries = text(vars, key)?.split(",") ?? [];
  return entries.map((entry) => entry.trim()).filter((entry) => entry !== "");
}

/** @throws {RangeError} it is no whole number. The option's own check knows its range. */
export function wholeNumber(vars: Vars, key: VarName): number | undefined {
  const value = text(vars, key);
  if (value === undefined) return undefined;
  if (!/^\d+$/.test(value)) throw invalidOption(RangeError, key, "must be a whole number, of digits only");
  return Number(value);
}

/** @throws {TypeError} it is neither true nor false */
export function flag(vars: Vars, key: VarName): boolean | undefined {
  const value = text(vars, key)?.toLowerCase();
  if (value === undefined) return undefined;
  if (value !== "true" && value !== "false") throw invalidVar(key, "must be true or false");
  return value === "true";
}

/** An error that names the var, and never its value. */
export function invalidVar(key: string, problem: string): InvalidOption {
  return invalidOption(TypeError, key, problem);
}
