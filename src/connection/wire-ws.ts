// The wire of Node, Deno and Bun: the `ws` package, whose sockets take headers and can be dropped.
import { asSocketError, quietly, SocketError, type Wire, type WireEvents, type WireOptions } from "./wire.ts";

// Only Node loads it: its built-in WebSocket can neither be dropped nor take headers. Bundlers for
// Workers find the package's stub instead. Kept, because asking Node's loader again costs as much
// as a heartbeat.
let loadingWs: Promise<typeof import("ws")> | undefined;
function loadWs(): Promise<typeof import("ws")> {
  loadingWs ??= import("ws");
  return loadingWs;
}

/**
 * How long a peer that has sent its Close frame has to end the TCP connection too, in milliseconds.
 * The package's own is 30 s, and a drain would take such a server for a silent one.
 */
const CLOSE_MS = 100;

export function openByWs(url: string, options: WireOptions, events: WireEvents): Wire {
  let socket: import("ws").WebSocket | undefined;
  let ended = false;
  const open = async (): Promise<void> => {
    const { default: NodeWebSocket } = await loadWs();
    if (ended) return;
    const given = {
      headers: { ...options.headers },
      perMessageDeflate: false,
      maxPayload: options.maxFrameBytes,
      closeTimeout: CLOSE_MS, // which its types do not have yet
    };
    socket = new NodeWebSocket(url, given);
    socket.binaryType = "arraybuffer";
    socket.on("open", events.open);
    socket.on("message", (data, isBinary) => {
      events.data(isBinary ? (data as ArrayBuffer) : ""); // by binaryType
    });
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
    // It tells of all the frames that one read of the TCP socket brought.
    framesAreTurns: false,
    send: (data) => socket?.send(data),
    end: () => {
      ended = true;
      quietly(() => socket?.close(1000));
      quietly(() => socket?.terminate());
    },
  };
}
