// Opens and closes one NATS connection: authenticated, without reconnect, bounded by its deadline whatever the peer does.
import {
  type Authenticator,
  ConnectionError,
  type ConnectionOptions,
  credsAuthenticator,
  type NatsConnection,
  nkeyAuthenticator,
  type Status,
  type WsConnectionOptions,
  wsconnect,
} from "@nats-io/nats-core";
import { type Deadline, nextTurn, waitUntil } from "../deadline.ts";
import { type ConnectFailure, isAuthError } from "./failure.ts";
import type { Auth, Servers } from "./login.ts";
import { DrainSocket, type SocketOptions } from "./socket.ts";

export interface ConnectRequest extends SocketOptions {
  readonly servers: Servers;
  readonly auth?: Auth | undefined;
  readonly name: string;
  readonly inboxPrefix?: string | undefined;
}

export type Connected = { readonly kind: "connected"; readonly connection: Connection };

/**
 * Connects, or says why not, by `deadline` at the latest. On every way but success nothing is left behind: the socket is
 * dropped, also one that is still opening.
 */
export async function connect(
  request: ConnectRequest,
  deadline: Deadline,
  signal: AbortSignal,
): Promise<Connected | ConnectFailure> {
  const sockets: DrainSocket[] = [];
  const aborted = abortion(signal);
  const attempt = await attemptConnect(request, deadline, sockets, aborted.promise);
  aborted.forget();
  if (attempt.kind !== "connected") for (const socket of sockets) socket.close();
  return attempt;
}

async function attemptConnect(
  request: ConnectRequest,
  deadline: Deadline,
  sockets: DrainSocket[],
  aborted: Promise<"aborted">,
): Promise<Connected | ConnectFailure> {
  const connecting = wsconnect(connectionOptions(request, deadline - Date.now(), sockets));
  try {
    const outcome = await waitUntil(Promise.race([connecting, aborted]), deadline);
    if (outcome.done && outcome.value !== "aborted") {
      return { kind: "connected", connection: new Connection(outcome.value, sockets) };
    }
    // A connection made in the instant of giving up is nobody's: it must not live on.
    connecting.then((late) => late.close()).catch(() => {});
    return outcome.done ? { kind: "aborted" } : { kind: "timeout" };
  } catch (cause) {
    // The library's own timer bounds each of several servers, and may win over the deadline by a hair.
    if (cause instanceof Error && cause.name === "TimeoutError") return { kind: "timeout" };
    // Of a socket's failure the library keeps no more than the text; any other error is its own, and says more than
    // how the server hung up after it.
    const failure = cause instanceof ConnectionError ? sockets.at(-1)?.failure : undefined;
    return { kind: "failed", cause: failure ?? cause };
  }
}

function connectionOptions(
  request: ConnectRequest,
  connectMs: number,
  sockets: DrainSocket[],
): WsConnectionOptions {
  const servers = typeof request.servers === "string" ? [request.servers] : [...request.servers];
  const options: WsConnectionOptions = {
    servers,
    name: request.name,
    ...authOptions(request.auth),
    // A reconnect would pull a second batch with a fresh `expires`; the scheduler's next call is the retry.
    reconnect: false,
    ignoreClusterUpdates: true,
    // Their stack traces cost more than the requests, and a drain names its subjects itself.
    noAsyncTraces: true,
    timeout: Math.max(1, Math.floor(connectMs / servers.length)),
    wsFactory: (url) => {
      const socket = new DrainSocket(url, request);
      sockets.push(socket);
      // DrainSocket is the part of a WebSocket that the transport uses, not the whole interface.
      return Promise.resolve({ socket: socket as unknown as WebSocket, encrypted: url.startsWith("wss:") });
    },
  };
  return request.inboxPrefix === undefined ? options : { ...options, inboxPrefix: request.inboxPrefix };
}

type AuthOptions = Pick<ConnectionOptions, "token" | "user" | "pass" | "authenticator">;

function authOptions(auth: Auth | undefined): AuthOptions {
  if (auth === undefined) return {};
  if (typeof auth === "function") return { authenticator: auth };
  if ("token" in auth) return { token: auth.token };
  if ("user" in auth) return { user: auth.user, pass: auth.password };
  const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
  const authenticator: Authenticator =
    "creds" in auth ? credsAuthenticator(encode(auth.creds)) : nkeyAuthenticator(encode(auth.nkeySeed));
  return { authenticator };
}

const ENCODER = new TextEncoder();

/** An open connection, what it says about itself, and its one way to be gone. */
export class Connection {
  readonly nats: NatsConnection;
  readonly #sockets: readonly DrainSocket[];
  readonly #watchers = new Set<(status: Status) => void>();
  /** The server's last word before it hung up, as that the credentials have expired. */
  #serverError: Error | undefined;

  constructor(nats: NatsConnection, sockets: readonly DrainSocket[]) {
    this.nats = nats;
    this.#sockets = sockets;
    void this.#watch();
  }

  /** Calls `watcher` for each status of the connection: errors of the server, lame duck mode, its end. */
  watch(watcher: (status: Status) => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** Resolves when the connection has ended, with the error that ended it if there was one. Never rejects. */
  async lost(): Promise<Error | undefined> {
    const error = await this.nats.closed();
    return this.#serverError ?? this.#sockets.at(-1)?.failure ?? (error || undefined);
  }

  /**
   * Sends PING and waits for PONG: everything published before has then reached the server, and every error that the
   * server answered to it has been seen by the watchers. False when it did not come by `deadline` or the connection ended.
   */
  async flush(deadline: Deadline): Promise<boolean> {
    if (this.nats.isClosed()) return false;
    const pong = this.nats.flush().then(
      () => true,
      () => false,
    );
    const outcome = await waitUntil(pong, deadline);
    if (!outcome.done || !outcome.value) return false;
    // A status travels through an async iterator, some promise reactions behind the PONG that came after it.
    await nextTurn();
    return true;
  }

  /** Sends text of the NATS protocol, ahead of what nats-core has not sent yet. Of a connection that has ended nothing is told. */
  write(protocol: string): void {
    this.#sockets.at(-1)?.send(ENCODER.encode(protocol) as Uint8Array<ArrayBuffer>); // as the Encoding standard has it
  }

  /** Ends the connection at once. What was not flushed before is not waited for. */
  async close(): Promise<void> {
    // The library closes its socket some promise reactions later. One that went first it would take for lost, and close twice.
    await withoutStackTraces(() => this.nats.close()).catch(() => {});
    for (const socket of this.#sockets) socket.close();
  }

  async #watch(): Promise<void> {
    for await (const status of this.nats.status()) {
      if (status.type === "error" && isAuthError(status.error)) this.#serverError = status.error;
      for (const watcher of this.#watchers) watcher(status);
    }
  }
}

/** The library's close() takes stack traces that nobody reads, which is a twentieth of an empty drain's CPU time. */
function withoutStackTraces<T>(action: () => T): T {
  const { stackTraceLimit } = Error;
  // Not by assignment, which throws where the intrinsics are frozen.
  Reflect.set(Error, "stackTraceLimit", 0);
  try {
    return action();
  } finally {
    Reflect.set(Error, "stackTraceLimit", stackTraceLimit);
  }
}

/** A signal as a promise, with its listener taken off again. */
function abortion(signal: AbortSignal): { readonly promise: Promise<"aborted">; forget(): void } {
  const { promise, resolve } = Promise.withResolvers<"aborted">();
  const listener = (): void => resolve("aborted");
  if (signal.aborted) listener();
  signal.addEventListener("abort", listener, { once: true });
  return { promise, forget: () => signal.removeEventListener("abort", listener) };
}
