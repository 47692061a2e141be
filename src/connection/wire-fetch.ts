// The wire of Workers: a WebSocket opened by fetch, which alone takes headers and bindings, and can
// be aborted.
import {
  asSocketError,
  type Fetcher,
  listen,
  quietly,
  SocketError,
  type Wire,
  type WireEvents,
  type WireOptions,
} from "./wire.ts";

/** workerd's client socket, which its types and the DOM's do not share. */
interface UpgradedSocket extends WebSocket {
  accept(): void;
}

export function openByFetch(url: string, options: WireOptions, events: WireEvents): Wire {
  const aborter = new AbortController();
  const fetcher: Fetcher = options.via ?? globalThis;
  let socket: UpgradedSocket | undefined;
  const open = async (): Promise<void> => {
    const response = await fetcher.fetch(url.replace(/^ws/, "http"), {
      headers: { ...options.headers, Upgrade: "websocket" },
      signal: aborter.signal,
      redirect: "manual",
    });
    // Where the runtime upgrades by fetch, its Response has this member and the DOM's type does not.
    socket = (response as Response & { webSocket?: UpgradedSocket | null }).webSocket ?? undefined;
    if (!socket) {
      await response.body?.cancel();
      throw new SocketError(`The server answered HTTP ${response.status} instead of the WebSocket upgrade.`, {
        status: response.status,
      });
    }
    // Blob is the default from compatibility date 2026-03-17.
    socket.binaryType = "arraybuffer";
    listen(socket, events);
    socket.accept();
    events.open();
  };
  open().catch((cause: unknown) => events.end(asSocketError(explained(cause))));
  return {
    framesAreTurns: true,
    send: (data) => socket?.send(data),
    end: () => {
      quietly(() => socket?.close(1000));
      aborter.abort();
    },
  };
}

/**
 * What workerd's words for a connection that failed may mean. It has the same ones for what passes
 * and for a wrong port, so neither can be told to be final.
 */
const MEANINGS: readonly { readonly said: RegExp; readonly means: string }[] = [
  {
    said: /^Network connection lost/,
    means: "A port that refuses, or one that speaks no HTTP, as nats-server's own for TCP clients.",
  },
  {
    said: /^internal error/,
    means: "A TLS handshake that failed: there is no TLS on that port, or its certificate is not trusted.",
  },
];

function explained(cause: unknown): unknown {
  if (!(cause instanceof Error) || cause instanceof SocketError) return cause;
  const meaning = MEANINGS.find(({ said }) => said.test(cause.message));
  return meaning ? new SocketError(`${cause.message.replace(/\.$/, "")}. ${meaning.means}`) : cause;
}
