// Opens a NATS connection: authenticated, without reconnect, by its deadline whatever the peer does.
import { ConnectionError, type WsConnectionOptions, wsconnect } from "@nats-io/nats-core";
import { type Deadline, waitUntil } from "../deadline.ts";
import { Connection } from "./connection.ts";
import type { ConnectFailure } from "./failure.ts";
import { type Auth, authOptions, type Servers } from "./login.ts";
import { DrainSocket } from "./socket.ts";
import type { SocketOptions } from "./wire.ts";

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
  const aborted = onceAborted(signal);
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

/** A signal as a promise, with its listener taken off again. */
function onceAborted(signal: AbortSignal): { readonly promise: Promise<"aborted">; forget(): void } {
  const { promise, resolve } = Promise.withResolvers<"aborted">();
  const listener = (): void => resolve("aborted");
  if (signal.aborted) listener();
  signal.addEventListener("abort", listener, { once: true });
  return { promise, forget: () => signal.removeEventListener("abort", listener) };
}
