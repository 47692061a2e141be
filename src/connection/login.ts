// How a drain reaches its servers, and proves who it is: the options, and the one check of them.
import type { Authenticator } from "@nats-io/nats-core";
import { invalidOption, show } from "../checks.ts";
import { readSeed } from "./nkey.ts";
import type { Fetcher } from "./wire.ts";

/** One address of nats-server's WebSocket listener, or several to try in turn: `wss://host[:port][/path]`. */
export type Servers = string | readonly string[];

/**
 * How the drain proves who it is: a token, a user and password, the text of a `.creds` file, an
 * nkey seed (`SU…`), or an authenticator of nats-core.
 */
export type Auth =
  | { readonly token: string }
  | { readonly user: string; readonly password: string }
  | { readonly creds: string }
  | { readonly nkeySeed: string }
  | Authenticator;

/** The part of the options that says how a connection reaches its server. */
export interface Reach {
  readonly servers: Servers;
  readonly allowInsecure?: boolean | undefined;
  readonly via?: Fetcher | undefined;
}

/**
 * The addresses, without path and query, to which these options let a drain connect unencrypted.
 * Options that were checked; pure.
 */
export function insecureServers({ servers, via }: Reach): string[] {
  if (via !== undefined) return [];
  const all = typeof servers === "string" ? [servers] : servers;
  return all.filter((server) => leavesUnencrypted(server)).map((server) => `ws://${new URL(server).host}`);
}

/** The addresses for people, without their queries, which may hold a secret. */
export function showServers(servers: Servers): string {
  const all = typeof servers === "string" ? [servers] : servers;
  return all.map((server) => server.replace(/[?#].*$/s, "")).join(", ");
}

/** Whether a connection to the address leaves this machine unencrypted. */
export function leavesUnencrypted(server: string | URL): boolean {
  // As nearly every address begins: to parse one costs a Worker a twentieth of a small drain.
  if (typeof server === "string" && server.startsWith("wss:")) return false;
  const { protocol, hostname } = typeof server === "string" ? new URL(server) : server;
  return protocol === "ws:" && !isLoopback(hostname);
}

/**
 * Whether a URL's host is this machine: IPv4 in four numbers, IPv6 shortened and in brackets. RFC
 * 6761 has the names.
 */
export function isLoopback(hostname: string): boolean {
  const host = hostname.replace(/\.$/, "");
  return /^(?:(?:.+\.)?localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(host);
}

/** @throws {TypeError} an address is none, or would send credentials and bodies unencrypted */
export function checkServers({ servers, allowInsecure, via }: Reach): void {
  const all: unknown = typeof servers === "string" ? [servers] : servers;
  if (!Array.isArray(all) || all.length === 0)
    throw invalidOption(
      TypeError,
      "servers",
      'must be an address such as "wss://nats.example.com"',
      show(servers),
    );
  // A binding has a network of its own, and takes no more of the address than its path.
  for (const server of all) checkServer(server, allowInsecure === true || via !== undefined);
}

function checkServer(server: unknown, mayBeInsecure: boolean): void {
  const url = typeof server === "string" ? parseUrl(server) : undefined;
  if (url?.protocol !== "wss:" && url?.protocol !== "ws:")
    // Whatever stands before an @ may be a password, and a query a token.
    throw invalidOption(
      TypeError,
      "servers",
      "must start with wss:// or ws://",
      show(maskCredentials(server)),
    );
  // nats-core drops them in silence over WebSocket, and the server then refuses a user that was never sent.
  if (url.username || url.password)
    throw invalidOption(
      TypeError,
      "servers",
      `credentials do not belong in the URL of ${url.host}; give them as auth`,
    );
  if (!mayBeInsecure && leavesUnencrypted(url))
    throw invalidOption(
      TypeError,
      "servers",
      `ws:// sends credentials and bodies to ${url.host} unencrypted: use wss://, or set allowInsecure`,
    );
}

/** Undefined where the text is no URL. */
export function parseUrl(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}

function maskCredentials(server: unknown): unknown {
  return typeof server === "string" ? server.replace(/^.*@/s, "…@").replace(/[?#].*$/s, "") : server;
}

/** @throws {TypeError} these are no credentials; the message holds nothing of them */
export function checkAuth(auth: unknown): void {
  if (auth === undefined || typeof auth === "function") return;
  const given: Record<string, unknown> = typeof auth === "object" && auth !== null ? { ...auth } : {};
  const text = (key: string): boolean => typeof given[key] === "string" && given[key] !== "";
  const kinds = ["token", "user", "creds", "nkeySeed"].filter((key) => given[key] !== undefined);
  if (kinds.length > 1)
    throw invalidOption(TypeError, "auth", `must be of one kind, not ${kinds.join(" and ")}`);
  if (text("token") || (text("user") && text("password"))) return;
  if (text("nkeySeed")) {
    if (!readSeed(String(given.nkeySeed).trim()))
      throw invalidOption(TypeError, "auth.nkeySeed", "is no seed of a user nkey (SU…, 58 characters)");
    return;
  }
  if (text("creds")) {
    const { jwt, seed } = readCreds(String(given.creds));
    if (jwt === undefined || !readSeed(seed ?? ""))
      throw invalidOption(
        TypeError,
        "auth.creds",
        "is not the text of a .creds file: its JWT or its seed is missing or damaged",
      );
    return;
  }
  throw invalidOption(
    TypeError,
    "auth",
    "must be { token }, { user, password }, { creds }, { nkeySeed } or an authenticator, with no empty value",
  );
}

/**
 * What a `.creds` file holds, each between its markers. Line ends of any kind, `\n` as two characters
 * among them: a form of one line, as that of a secret, keeps them so. The last marker may end the text.
 */
export function readCreds(creds: string): { readonly jwt?: string; readonly seed?: string } {
  const between = (name: string): string | undefined =>
    new RegExp(
      `-{3,} *BEGIN ${name} *-{3,}(?:\\s|\\\\[nr])+([\\w.-]+)(?:\\s|\\\\[nr])+-{3,} *END ${name} *-{3,}`,
      "i",
    ).exec(creds)?.[1];
  const [jwt, seed] = [between("NATS USER JWT"), between("USER NKEY SEED")];
  const isJwt = jwt !== undefined && /^[\w-]+\.[\w-]+\.[\w-]+$/.test(jwt);
  return isJwt && seed !== undefined ? { jwt, seed } : {};
}

/** The seed of credentials that have one: a secret that nobody can guess. The credentials were checked. */
export function seedOf(auth: Auth | undefined): string | undefined {
  if (auth === undefined || typeof auth === "function") return undefined;
  if ("nkeySeed" in auth) return auth.nkeySeed.trim();
  return "creds" in auth ? readCreds(auth.creds).seed : undefined;
}
