// The wire of Node, Deno and Bun: the `ws` package, whose sockets take headers and can be dropped.
import {
  asSocketError,
  quietly,
  SocketError,
  type SocketOptions,
  type Wire,
  type WireEvents,
} from "./wire.ts";

// Only Node loads it: its built-in WebSocket can neither be dropped nor take headers. Bundlers for Workers find the package's stub
// instead. Kept, because asking Node's loader again costs as much as a heartbeat.
let loadingWs: Promise<typeof import("ws")> | undefined;
function loadWs(): Promise<typeof import("ws")> {
  loadingWs ??= import("ws");
  return loadingWs;
}

export function openByWs(url: string, options: SocketOptions, events: WireEvents): Wire {
  let socket: import("ws").WebSocket | undefined;
  let ended = false;
  const open = async (): Promise<void> => {
    const { default: NodeWebSocket } = await loadWs();
    if (ended) return;
    // A frame is as large as what a pull brings, of which `maxBytes` is the bound; the package's own would be 100 MiB.
    socket = new NodeWebSocket(url, {
      headers: { ...options.headers },
      perMessageDeflate: false,
      maxPayload: 0,
    });
    socket.binaryType = "arraybuffer";
    socket.on("open", events.open);
    socket.on("message", (data) => events.data(data as ArrayBuffer)); // by binaryType
    socket.on("close", () => events.end());
    socket.on("error", (cause) => events.end(asSocketError(cause)));
    socket.on("unexpected-response", (_request, response) => {
      const status = response.statusCode ?? 0;
      events.end(
        new SocketError(`The server answered HTTP ${status} instead of the WebSocket upgrade.`, { status }),
      );
    });
  };
  open().catch((cause: unknown) => events.end(asSocketError(cause)));
  return {
    send: (data) => socket?.send(data),
    end: () => {
      ended = true;
      quietly(() => socket?.close(1000));
      quietly(() => socket?.terminate());
    },
  };
}
