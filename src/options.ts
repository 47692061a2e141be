// DrainOptions, the one table of their defaults, and their validation, which happens before anything else does.
import type { Authenticator } from "@nats-io/nats-core";
import type { BudgetOptions } from "./budget.ts";
import {
  checkMilliseconds,
  checkName,
  checkSubject,
  checkType,
  checkWholeNumber,
  invalidOption,
  show,
} from "./checks.ts";
import type { DeadLetterOptions } from "./dead-letter.ts";
import type { Handler } from "./handle.ts";
import type { Message } from "./message.ts";
import type { RetryDelay } from "./settle.ts";
import type { Fetcher } from "./socket.ts";

/** One address of nats-server's WebSocket listener, or several to try in turn: `wss://host[:port][/path]`. */
export type Servers = string | readonly string[];

/**
 * How the drain proves who it is: a token, a user and password, the text of a `.creds` file, an nkey seed (`SU…`), or an
 * authenticator of nats-core. The last three sign with pure-JS Ed25519: about 10 ms of CPU, 20 to 30 on a cold start.
 */
export type Auth =
  | { readonly token: string }
  | { readonly user: string; readonly password: string }
  | { readonly creds: string }
  | { readonly nkeySeed: string }
  | Authenticator;

/** What to drain, from where, and with what handler. */
export interface DrainOptions<Env = unknown> extends BudgetOptions {
  /** Where nats-server listens for WebSockets: `wss://…`, or several addresses to try in turn. `ws://` is not encrypted. */
  readonly servers: Servers;
  /** The credentials. @default none */
  readonly auth?: Auth | undefined;
  /** Name of the stream. It must exist. */
  readonly stream: string;
  /** Name of the durable pull consumer. It must exist: a drain never creates, changes or deletes one. */
  readonly consumer: string;
  /** Called once a message; what it returns decides how the message is settled. */
  readonly handler: Handler<Env>;
  /** Most messages that one Fetch asks for. Whole number, 1 to 1,000,000. @default 100 */
  readonly batch?: number | undefined;
  /** Most bytes of messages that one Fetch takes, headers and subjects included. Whole number from 1. @default no limit */
  readonly maxBytes?: number | undefined;
  /** Pull requests one drain makes at most: it goes on while the last batch came full. Whole number from 1. @default 1 */
  readonly fetches?: number | undefined;
  /** Wait the whole max wait for a full batch, instead of ending with what is there. @default false */
  readonly fill?: boolean | undefined;
  /** Longest wait for messages, milliseconds from 0. @default a third of the limit, 5000 at most */
  readonly maxWaitMs?: number | undefined;
  /** Idle heartbeat asked of the server, milliseconds from 50; twice that in silence is a loss. @default 1000, a third of max wait at most */
  readonly heartbeatMs?: number | undefined;
  /** Longest time to connect and authenticate, milliseconds from 1. @default a quarter of the limit, 5000 at most */
  readonly connectTimeoutMs?: number | undefined;
  /** Time kept at the end to release and confirm, milliseconds from 1. @default an eighth of the limit, 2000 at most */
  readonly settleTimeoutMs?: number | undefined;
  /** Handlers that run at once. Whole number, 1 to 10,000; 1 keeps the stream's order. @default 1 */
  readonly concurrency?: number | undefined;
  /** Wait before a message that failed is delivered again, in milliseconds, from its delivery count (1 is the first). @default exponential from 1 s to 5 min, with equal jitter */
  readonly retryDelay?: RetryDelay | undefined;
  /** Where a message goes that is rejected or out of deliveries. @default none: a rejected message is termed */
  readonly deadLetter?: DeadLetterOptions | undefined;
  /** Called for each error that a handler throws, so that it can be logged; the report only counts them. @default none */
  readonly onError?: ((error: unknown, message: Message) => void) | undefined;
  /** JetStream domain of the stream. @default none */
  readonly domain?: string | undefined;
  /** Prefix of the reply subjects, where the user's permissions narrow it. @default "_INBOX" */
  readonly inboxPrefix?: string | undefined;
  /** Extra headers of the WebSocket's upgrade request, by name. @default none */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** A binding of Workers (mTLS, VPC, service) that carries the connection in place of the network. @default the network */
  readonly via?: Fetcher | undefined;
  /** Name of the connection, as nats-server's monitoring shows it. @default "sluice" */
  readonly name?: string | undefined;
}

/** The defaults that do not depend on the limit. */
export const DEFAULTS = {
  batch: 100,
  fetches: 1,
  fill: false,
  concurrency: 1,
  name: "sluice",
} as const;

/**
 * Checks every option, so that a wrong one fails where it was written and not in a run.
 *
 * @throws {TypeError} an option is missing or of the wrong type
 * @throws {RangeError} a number is out of its range
 */
export function validateOptions<Env>(options: DrainOptions<Env>): void {
  if (typeof options !== "object" || options === null)
    throw invalidOption(TypeError, "options", `must be an object, not ${show(options)}`);
  const servers = typeof options.servers === "string" ? [options.servers] : options.servers;
  if (!Array.isArray(servers) || servers.length === 0)
    throw invalidOption(
      TypeError,
      "servers",
      `must be an address such as "wss://nats.example.com", not ${show(options.servers)}`,
    );
  for (const server of servers) validateServer(server);
  validateAuth(options.auth);
  checkName("stream", options.stream);
  checkName("consumer", options.consumer);
  if (typeof options.handler !== "function")
    throw invalidOption(TypeError, "handler", `must be a function, not ${show(options.handler)}`);
  checkWholeNumber("batch", options.batch, 1, 1_000_000);
  checkWholeNumber("maxBytes", options.maxBytes, 1, Number.MAX_SAFE_INTEGER);
  checkWholeNumber("fetches", options.fetches, 1, 1_000_000);
  checkWholeNumber("concurrency", options.concurrency, 1, 10_000);
  checkMilliseconds("maxWaitMs", options.maxWaitMs, 0);
  checkMilliseconds("heartbeatMs", options.heartbeatMs, 50);
  checkMilliseconds("connectTimeoutMs", options.connectTimeoutMs, 1);
  checkMilliseconds("settleTimeoutMs", options.settleTimeoutMs, 1);
  checkType("fill", options.fill, "boolean");
  checkType("retryDelay", options.retryDelay, "function");
  checkType("onError", options.onError, "function");
  checkType("name", options.name, "string");
  if (options.domain !== undefined) checkName("domain", options.domain);
  if (options.inboxPrefix !== undefined) checkSubject("inboxPrefix", options.inboxPrefix);
  validateHeaders(options.headers);
  if (options.via !== undefined && typeof options.via?.fetch !== "function")
    throw invalidOption(TypeError, "via", "must have a fetch method, as a binding has");
  if (options.deadLetter !== undefined) validateDeadLetter(options.deadLetter);
}

function validateServer(server: unknown): void {
  const url = typeof server === "string" && URL.canParse(server) ? new URL(server) : undefined;
  if (url?.protocol !== "wss:" && url?.protocol !== "ws:")
    // Whatever stands before an @ may be a password.
    throw invalidOption(TypeError, "servers", `must start with wss:// or ws://, not ${show(maskCredentials(server))}`);
  // nats-core drops them in silence over WebSocket, and the server then refuses a user that was never sent.
  if (url.username || url.password)
    throw invalidOption(TypeError, "servers", `credentials do not belong in the URL of ${url.host}; give them as auth`);
}

function maskCredentials(server: unknown): unknown {
  return typeof server === "string" ? server.replace(/^.*@/s, "…@") : server;
}

function validateAuth(auth: unknown): void {
  if (auth === undefined || typeof auth === "function") return;
  const given: Record<string, unknown> = typeof auth === "object" && auth !== null ? { ...auth } : {};
  const text = (key: string): boolean => typeof given[key] === "string" && given[key] !== "";
  const kinds = ["token", "user", "creds", "nkeySeed"].filter((key) => given[key] !== undefined);
  if (kinds.length > 1) throw invalidOption(TypeError, "auth", `must be of one kind, not ${kinds.join(" and ")}`);
  if (text("token") || (text("user") && text("password"))) return;
  if (text("nkeySeed")) {
    if (!/^SU[A-Z2-7]{56}$/.test(String(given.nkeySeed)))
      throw invalidOption(TypeError, "auth.nkeySeed", "is not the seed of a user nkey (SU…, 58 characters)");
    return;
  }
  if (text("creds")) {
    const creds = String(given.creds);
    if (!/BEGIN NATS USER JWT/.test(creds) || !/BEGIN USER NKEY SEED/.test(creds))
      throw invalidOption(TypeError, "auth.creds", "is not the text of a .creds file: its JWT or its seed is missing");
    return;
  }
  throw invalidOption(
    TypeError,
    "auth",
    "must be { token }, { user, password }, { creds }, { nkeySeed } or an authenticator, with no empty value",
  );
}

function validateHeaders(headers: unknown): void {
  if (headers === undefined) return;
  if (typeof headers !== "object" || headers === null)
    throw invalidOption(TypeError, "headers", `must be an object of names and values, not a ${typeof headers}`);
  for (const [name, value] of Object.entries(headers)) {
    // The value may be a secret, so the message does not hold it.
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name) || typeof value !== "string" || /[\r\n\0]/.test(value))
      throw invalidOption(TypeError, `headers.${name}`, "is not a header of HTTP: a name, and a value of one line");
  }
}

function validateDeadLetter(deadLetter: DeadLetterOptions): void {
  if (typeof deadLetter !== "object" || deadLetter === null)
    throw invalidOption(TypeError, "deadLetter", `must be { subject, maxDeliveries }, not ${show(deadLetter)}`);
  checkSubject("deadLetter.subject", deadLetter.subject);
  checkWholeNumber("deadLetter.maxDeliveries", deadLetter.maxDeliveries, 1, 1_000_000);
}
