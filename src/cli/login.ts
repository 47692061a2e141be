// Where to log in and with what. Secrets come from the environment or from files, never from
// arguments, which every user of a machine can read; no message holds one, or a URL that may.
import { readFile } from "node:fs/promises";
import { parseEnv } from "node:util";
import { type Command, Option } from "commander";
import { leavesUnencrypted } from "../connection/login.ts";
import type { Auth } from "../index.ts";
import { ConfigError, UsageError } from "./usage.ts";

/** Options of a command that logs in. */
export interface LoginOptions {
  readonly server?: string;
  readonly creds?: string;
  readonly envFile?: string;
  readonly inboxPrefix?: string;
  readonly allowInsecure?: boolean;
}

export interface Login {
  readonly servers: readonly string[];
  readonly allowInsecure: boolean;
  readonly auth: Auth | undefined;
  readonly inboxPrefix: string | undefined;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** What holds each secret, by the option that somebody may try. */
const SECRETS: Readonly<Record<string, string>> = {
  token: "NATS_TOKEN",
  user: "NATS_USER",
  password: "NATS_PASSWORD",
  pass: "NATS_PASSWORD",
  "nkey-seed": "NATS_NKEY_SEED",
};

/**
 * Node looks for `--env-file` among the arguments of a script, too, up to a `--`, and ends before the
 * script starts where that file cannot be read (nodejs/node issue 54232). No first line of a script puts
 * a `--` there on every system: npm's commands on Windows need `env`, BusyBox' `env` has no -S, and
 * without it Linux hands `node --` over as one name. So there is a short name that Node leaves alone.
 */
export function envFileOption(): Option {
  return new Option(
    "-f, --env-file <file>",
    "Variables to read beside the environment, which comes first. Where the file is missing, -f ends with " +
      "78; --env-file ends with 9, as Node takes it for its own.",
  );
}

/** Adds them; an option for a secret is refused with a hint. */
export function addLoginOptions(command: Command, name: string): Command {
  command
    .option("--server <url>", "nats-server's WebSocket listener, wss://… (default: NATS_URL)")
    .option("--creds <file>", "A .creds file. (default: NATS_CREDS_FILE, or its text in NATS_CREDS)")
    .option("--inbox-prefix <prefix>", "Prefix of reply subjects. (default: NATS_INBOX_PREFIX, or _INBOX)")
    .option("--allow-insecure", "Take ws:// to another machine. (default: ALLOW_INSECURE)")
    .addOption(envFileOption());
  for (const [option, variable] of Object.entries(SECRETS)) {
    const refuse = (): never => {
      throw new UsageError(`--${option} is no option, as arguments are no secret: set ${variable}`, name);
    };
    command.addOption(new Option(`--${option} [secret]`).hideHelp());
    command.on(`option:${option}`, refuse);
  }
  return command;
}

/**
 * The environment, with what `--env-file` adds to it.
 *
 * @throws {ConfigError} the file cannot be read
 */
export async function readEnvironment(options: Pick<LoginOptions, "envFile">): Promise<Environment> {
  if (options.envFile === undefined) return process.env;
  const text = await readText(`--env-file: ${options.envFile}`, options.envFile);
  return { ...parseEnv(text), ...process.env };
}

/**
 * Reads them.
 *
 * @param command whose help to see: `sluice redrive`
 * @throws {UsageError} what is missing or does not fit together
 * @throws {ConfigError} a file cannot be read
 */
export async function readLogin(options: LoginOptions, env: Environment, command: string): Promise<Login> {
  const allowInsecure = options.allowInsecure ?? readFlag("ALLOW_INSECURE", env.ALLOW_INSECURE, command);
  const servers = readServers(options.server ?? env.NATS_URL, allowInsecure, command);
  const auth = await readAuth(options, env, command);
  const inboxPrefix = options.inboxPrefix ?? (env.NATS_INBOX_PREFIX || undefined);
  if (inboxPrefix !== undefined && !/^[^\s.*>\p{Cc}]+(\.[^\s.*>\p{Cc}]+)*$/u.test(inboxPrefix))
    throw new UsageError("--inbox-prefix must be a subject without wildcards", command);
  return { servers, allowInsecure, auth, inboxPrefix };
}

async function readAuth(options: LoginOptions, env: Environment, command: string): Promise<Auth | undefined> {
  if (options.creds !== undefined) return { creds: await readCreds("--creds", options.creds) };
  const { NATS_USER: user, NATS_PASSWORD: password, NATS_TOKEN: token, NATS_NKEY_SEED: nkeySeed } = env;
  const { NATS_CREDS: creds, NATS_CREDS_FILE: credsFile } = env;
  const kinds = [user || password, token, nkeySeed, creds || credsFile].filter(Boolean);
  if (kinds.length > 1) throw new UsageError(SEVERAL_KINDS, command);
  if (token) return { token };
  if (nkeySeed) return { nkeySeed };
  if (creds?.includes("BEGIN NATS USER JWT")) return { creds: checkCreds("NATS_CREDS", creds) };
  if (creds || credsFile) {
    return { creds: await readCreds(creds ? "NATS_CREDS" : "NATS_CREDS_FILE", creds || credsFile || "") };
  }
  if (!user && !password) return undefined;
  if (!user || !password) {
    const missing = user ? "NATS_PASSWORD" : "NATS_USER";
    throw new UsageError(`The user's ${user ? "password" : "name"} is missing: set ${missing}`, command);
  }
  return { user, password };
}

const SEVERAL_KINDS =
  "Several kinds of credentials are set: NATS_USER and NATS_PASSWORD, NATS_TOKEN, " +
  "NATS_NKEY_SEED or NATS_CREDS is enough";

function readFlag(name: string, value: string | undefined, command: string): boolean {
  const text = value?.trim().toLowerCase() || "false";
  if (text !== "true" && text !== "false") throw new UsageError(`${name} must be true or false`, command);
  return text === "true";
}

function readServers(server: string | undefined, mayBeInsecure: boolean, command: string): readonly string[] {
  const entries = (server ?? "").split(",").map((each) => each.trim());
  const urls = entries.filter((each) => each !== "");
  if (urls.length === 0) throw new UsageError("--server is missing, and NATS_URL is not set", command);
  for (const each of urls) {
    const url = URL.canParse(each) ? new URL(each) : undefined;
    // The value may hold a password, so no message does.
    if (url?.protocol !== "wss:" && url?.protocol !== "ws:") {
      const expected = "must be nats-server's WebSocket listener, such as wss://nats.example.com";
      throw new UsageError(`--server ${expected}`, command);
    }
    if (url.username || url.password)
      throw new UsageError("--server must hold no credentials: set them in the environment", command);
    if (!mayBeInsecure && leavesUnencrypted(url.href)) {
      const advice = "use wss://, or give --allow-insecure";
      throw new UsageError(
        `--server: ws:// sends credentials to ${url.host} unencrypted: ${advice}`,
        command,
      );
    }
  }
  return urls;
}

async function readCreds(source: string, file: string): Promise<string> {
  return checkCreds(source, await readText(`${source}: the file`, file));
}

function checkCreds(source: string, text: string): string {
  if (!/BEGIN NATS USER JWT/.test(text) || !/BEGIN USER NKEY SEED/.test(text))
    throw new ConfigError(`${source}: this is not a .creds file: its JWT or its seed is missing`);
  return text;
}

async function readText(what: string, file: string): Promise<string> {
  return await readFile(file, "utf8").catch((cause: unknown) => {
    const why = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown error";
    throw new ConfigError(`${what} cannot be read (${why})`, { cause });
  });
}
