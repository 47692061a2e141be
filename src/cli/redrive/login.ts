// Where to log in and with what: options, else the environment's variables. No message holds a secret, or a URL that may.
import { readFile } from "node:fs/promises";
import type { Auth } from "../../index.ts";
import { UsageError } from "../command.ts";

/** The options of a command that logs in to a nats-server. */
export const LOGIN_OPTIONS = {
  server: {
    type: "string",
    placeholder: "url",
    description: "nats-server's WebSocket listener, wss://… (default: NATS_URL)",
  },
  user: { type: "string", placeholder: "name", description: "User. (default: NATS_USER)" },
  password: {
    type: "string",
    placeholder: "text",
    description: "The user's password. (default: NATS_PASSWORD)",
  },
  token: {
    type: "string",
    placeholder: "text",
    description: "Token, in place of a user. (default: NATS_TOKEN)",
  },
  creds: {
    type: "string",
    placeholder: "file",
    description: "A .creds file, in place of a user. (default: NATS_CREDS)",
  },
} as const;

/** What the options gave. */
export type LoginValues = { readonly [Name in keyof typeof LOGIN_OPTIONS]?: string | undefined };

export interface Login {
  readonly servers: string;
  readonly auth: Auth | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads them. A credential among the options puts all of the environment's aside, but a user's password may be there still.
 *
 * @param command whose help to see: `sluice redrive`
 * @throws {UsageError} what is missing or does not fit together
 * @throws {Error} the .creds file cannot be read
 */
export async function readLogin(values: LoginValues, env: Environment, command: string): Promise<Login> {
  const servers = readServer(values.server ?? env.NATS_URL, command);
  const given: LoginValues = {
    user: values.user,
    password: values.password,
    token: values.token,
    creds: values.creds,
  };
  const source = Object.values(given).some((value) => value !== undefined)
    ? { ...given, password: values.password ?? (values.user === undefined ? undefined : env.NATS_PASSWORD) }
    : { user: env.NATS_USER, password: env.NATS_PASSWORD, token: env.NATS_TOKEN, creds: env.NATS_CREDS };
  const { user, password, token, creds } = source;
  const kinds = [user ?? password, token, creds].filter((value) => value);
  if (kinds.length > 1)
    throw new UsageError(
      "Several kinds of credentials are given: a user, a token or a .creds file is enough",
      command,
    );
  if (token) return { servers, auth: { token } };
  if (creds) return { servers, auth: { creds: await readCreds(creds) } };
  if (!user && !password) return { servers, auth: undefined };
  if (!user || !password)
    throw new UsageError(`The user's ${user ? "password" : "name"} is missing`, command);
  return { servers, auth: { user, password } };
}

function readServer(server: string | undefined, command: string): string {
  if (!server) throw new UsageError("--server is missing, and NATS_URL is not set", command);
  const url = URL.canParse(server) ? new URL(server) : undefined;
  // The value may hold a password, so no message does.
  if (url?.protocol !== "wss:" && url?.protocol !== "ws:")
    throw new UsageError(
      "--server must be nats-server's WebSocket listener, such as wss://nats.example.com",
      command,
    );
  if (url.username || url.password)
    throw new UsageError(
      "--server must hold no credentials: give them as options, or in the environment",
      command,
    );
  return server;
}

/** The text of a .creds file, from its path; the environment may hold the text itself, as a Worker's secret does. */
async function readCreds(creds: string): Promise<string> {
  const text = creds.includes("BEGIN NATS USER JWT") ? creds : await readFile(creds, "utf8").catch(refuse);
  if (!/BEGIN NATS USER JWT/.test(text) || !/BEGIN USER NKEY SEED/.test(text))
    throw new Error("--creds: this is not a .creds file: its JWT or its seed is missing");
  return text;
}

function refuse(cause: unknown): never {
  const why = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown error";
  throw new Error(`--creds: the file cannot be read (${why})`, { cause });
}
