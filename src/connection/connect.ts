// Opens a NATS connection: authenticated, without reconnect, by its deadline whatever the peer does.
//
// `opening` goes out in the same frame as CONNECT and PING, behind them: a drain's subscriptions, and a
// question that costs no round trip. What the server sends behind its PONG is held, at most a frame's
// bound of it, until there is a connection to tell of it.
import {
  ConnectionError,
  type NatsConnection,
  type WsConnectionOptions,
  wsconnect,
} from "@nats-io/nats-core";
import { type Deadline, nextTurn, now, waitUntil } from "../deadline.ts";
import { guardReader } from "../message/raw.ts";
import { REASONS } from "../report/reasons.ts";
import { Connection } from "./connection.ts";
import { type ConnectFailure, classifyConnectFailure } from "./failure.ts";
import type { ServerInfo } from "./handshake.ts";
import type { Inbox } from "./inbox.ts";
import { type Auth, insecureServers, leavesUnencrypted, parseUrl, type Servers } from "./login.ts";
import { subscription } from "./protocol.ts";
import { type SignIn, signIn } from "./sign-in.ts";
import { DrainSocket } from "./socket.ts";
import { SocketError, type SocketOptions } from "./wire.ts";

/** What a drain says first. */
interface Opening {
  /** Its subscriptions. What comes to them has no other way than {@link Inbox.receive}. */
  readonly inboxes: readonly Inbox[];
  /** Its question, as text of the NATS protocol. */
  readonly question: string;
}

export interface ConnectRequest extends SocketOptions {
  readonly servers: Servers;
  /** Whether credentials may leave this machine unencrypted. @default false */
  readonly allowInsecure?: boolean | undefined;
  readonly auth?: Auth | undefined;
  readonly name: string;
  readonly inboxPrefix?: string | undefined;
  /** Goes out with the sign-in; see above. @default nothing */
  readonly opening?: Opening | undefined;
  /** Most bytes that one pull asks for: with some room, the bound of a frame. @default 24 MiB */
  readonly maxBytes?: number | undefined;
  /** How often a PING is sent, so that something crosses the wire, in milliseconds. @default 20,000 */
  readonly pingIntervalMs?: number | undefined;
}

export type Connected = { readonly kind: "connected"; readonly connection: Connection };

/**
 * Connects, or says why not, by `deadline` at the latest. On every way but success nothing is left
 * behind: the socket is dropped, also one that is still opening.
 */
export async function connect(
  request: ConnectRequest,
  deadline: Deadline,
  signal: AbortSignal,
): Promise<Connected | ConnectFailure> {
  // Checked where a drain is defined; here for whoever connects without one.
  const [insecure] = request.allowInsecure === true ? [] : insecureServers(request);
  if (insecure !== undefined) return { kind: "failed", cause: unencrypted(insecure) };
  const aborted = onceAborted(signal);
  try {
    return await tryEach(request, deadline, aborted.promise);
  } finally {
    aborted.forget();
  }
}

/** Tries the servers in the order given, each with its share of the time that is left. */
async function tryEach(
  request: ConnectRequest,
  deadline: Deadline,
  aborted: Promise<"aborted">,
): Promise<Connected | ConnectFailure> {
  const servers = typeof request.servers === "string" ? [request.servers] : request.servers;
  let failure: ConnectFailure = { kind: "timeout" };
  for (const [at, server] of servers.entries()) {
    const leftMs = deadline - now();
    if (at > 0 && leftMs <= 0) break;
    const attempt = await tryServer(
      request,
      server,
      deadline - leftMs + leftMs / (servers.length - at),
      aborted,
    );
    if (attempt.kind === "connected" || attempt.kind === "aborted") return attempt;
    // What only an operator can mend at one is final only where no other may come to work by itself.
    if (at === 0 || isFatal(failure) || !isFatal(attempt)) failure = attempt;
  }
  return failure;
}

const isFatal = (failure: ConnectFailure): boolean =>
  REASONS[classifyConnectFailure(failure, "").reason].outcome === "fatal";

async function tryServer(
  request: ConnectRequest,
  server: string,
  deadline: Deadline,
  aborted: Promise<"aborted">,
): Promise<Connected | ConnectFailure> {
  let socket: DrainSocket | undefined;
  const lost = Promise.withResolvers<"lost">();
  const login = signIn(request.auth);
  const open = (url: string): DrainSocket => {
    const { headers, via, opening } = request;
    const onInfo = (info: ServerInfo): Promise<void> | undefined => {
      // Not what `allowInsecure` speaks of: this server has been told to take nothing unencrypted.
      if (info.tls_required === true && via === undefined && leavesUnencrypted(server))
        socket?.fail("requires TLS, and its address is ws://", { misconfigured: true });
      return login.prepare?.(info);
    };
    const onLost = (): void => lost.resolve("lost");
    socket = new DrainSocket(url, {
      headers,
      via,
      opening: opening && openingText(opening),
      inboxes: opening?.inboxes,
      maxFrameBytes: maxFrameBytes(request),
      onInfo,
      onLost,
    });
    return socket;
  };
  const connecting = wsconnect(connectionOptions(request, server, login, deadline - now(), open));
  const attempt = await outcome(connecting, Promise.race([aborted, heardOut(lost.promise)]), deadline);
  if (attempt.kind === "connected" && socket)
    return { kind: "connected", connection: own(attempt.nats, socket) };
  // Read before the close, which is none of the peer's.
  const failure = socket?.failure;
  socket?.close();
  if (attempt.kind === "connected") return { kind: "timeout" }; // nats-core connects through `open` alone
  if (attempt.kind !== "failed") return attempt;
  // Of a socket's failure the library keeps no more than the text; any other error is its own, and
  // says more than how the server hung up after it.
  const { cause } = attempt;
  const isOwn = cause instanceof Error && !(cause instanceof ConnectionError);
  return isOwn ? attempt : { kind: "failed", cause: failure ?? cause ?? hungUp() };
}

/** Takes the new connection over: what its reader cannot read ends it, and what was held comes. */
function own(nats: NatsConnection, socket: DrainSocket): Connection {
  guardReader(nats, (problem) => socket.fail(problem));
  const connection = new Connection(nats, socket);
  socket.release();
  return connection;
}

function openingText({ inboxes, question }: Opening): string {
  return inboxes.map(subscription).join("") + question;
}

function unencrypted(server: string): SocketError {
  return new SocketError(`The connection to ${server} would not be encrypted, and may not be insecure.`, {
    misconfigured: true,
  });
}

type Attempt = ConnectFailure | { readonly kind: "connected"; readonly nats: NatsConnection };

async function outcome(
  connecting: Promise<NatsConnection>,
  given: Promise<"aborted" | "lost">,
  deadline: Deadline,
): Promise<Attempt> {
  try {
    const waited = await waitUntil(Promise.race([connecting, given]), deadline);
    if (waited.done && typeof waited.value !== "string") return { kind: "connected", nats: waited.value };
    // A connection made in the instant of giving up is nobody's: it must not live on.
    connecting.then((late) => late.close()).catch(() => {});
    if (!waited.done) return { kind: "timeout" };
    return waited.value === "aborted" ? { kind: "aborted" } : { kind: "failed", cause: undefined };
  } catch (cause) {
    // The library's own timer may win over the deadline by a hair.
    return cause instanceof Error && cause.name === "TimeoutError"
      ? { kind: "timeout" }
      : { kind: "failed", cause };
  }
}

/** The socket's end, once nats-core has had its turns to read what came before it: it may know more. */
async function heardOut(lost: Promise<"lost">): Promise<"lost"> {
  await lost;
  await nextTurn();
  await nextTurn();
  return "lost";
}

const hungUp = (): SocketError => new SocketError("The server closed the connection before it was ready.");

/**
 * nats-server sends what a pull brings in frames as large as they come: its bytes, and a line for
 * each message.
 */
function maxFrameBytes({ maxBytes = 25_165_824 }: ConnectRequest): number {
  return Math.ceil(maxBytes * 1.25) + 9_437_184; // and 9 MiB for what else the connection hears
}

/** As a URL is read. nats-core knows fewer of its forms, and would fail at "WSS:host" each time anew. */
function readAddress(server: string): string {
  return parseUrl(server)?.href ?? server;
}

function connectionOptions(
  request: ConnectRequest,
  server: string,
  login: SignIn,
  timeoutMs: number,
  open: (url: string) => DrainSocket,
): WsConnectionOptions {
  const options: WsConnectionOptions = {
    // Of several, nats-core would give up at the first that fails.
    servers: [readAddress(server)],
    name: request.name,
    ...login.options,
    // A reconnect would pull a second batch with a fresh `expires`; the scheduler's next call is the retry.
    reconnect: false,
    ignoreClusterUpdates: true,
    // Their stack traces cost more than the requests, and a drain names its subjects itself.
    noAsyncTraces: true,
    pingInterval: request.pingIntervalMs ?? 20_000,
    timeout: Math.max(1, Math.floor(timeoutMs)),
    // DrainSocket is the part of a WebSocket that the transport uses, not the whole interface.
    wsFactory: (url) =>
      Promise.resolve({ socket: open(url) as unknown as WebSocket, encrypted: url.startsWith("wss:") }),
  };
  return request.inboxPrefix === undefined ? options : { ...options, inboxPrefix: request.inboxPrefix };
}

/** A signal as a promise, with its listener taken off again. */
function onceAborted(signal: AbortSignal): { readonly promise: Promise<"aborted">; forget(): void } {
  const { promise, resolve } = Promise.withResolvers<"aborted">();
  const listener = (): void => resolve("aborted");
  if (signal.aborted) listener();
  signal.addEventListener("abort", listener, { once: true });
  return { promise, forget: () => signal.removeEventListener("abort", listener) };
}
