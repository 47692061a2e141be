// The wire of any other runtime: the WebSocket that is there, which takes no headers and may
// outlive its close.
import { listen, quietly, type Wire, type WireEvents } from "./wire.ts";

export function openGlobal(url: string, events: WireEvents): Wire {
  const socket = new WebSocket(url);
  socket.binaryType = "arraybuffer";
  socket.addEventListener("open", () => events.open());
  listen(socket, events);
  return {
    framesAreTurns: true,
    send: (data) => socket.send(data),
    end: () => quietly(() => socket.close(1000)),
  };
}
