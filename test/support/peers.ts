// Peers that are no nats-server, as a wrong address, a gateway or a dead machine would be: what a drain must not hang on.
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";

/** A listener on a free port of 127.0.0.1. */
export interface TestPeer extends AsyncDisposable {
  readonly port: number;
  /** `ws://127.0.0.1:<port>` */
  readonly wsUrl: string;
  /** TCP connections open now. */
  readonly connections: number;
  /** TCP connections accepted since the start. */
  readonly accepted: number;
  /** Resolves once that many connections are open: 1 for a client that has come, 0 for one that is gone. */
  onceConnections(count: number): Promise<void>;
  /** Drops what is open and closes the port. */
  stop(): Promise<void>;
}

/** Accepts every connection, reads what comes, and never says a word. */
export async function startSilentPeer(): Promise<TestPeer> {
  return await startPeer(createServer((socket) => void socket.resume()));
}

/** Accepts every WebSocket upgrade, reads what comes, and never says a word: no INFO, no Pong, no Close. */
export async function startMutePeer(): Promise<TestPeer> {
  const server = createHttpServer();
  server.on("upgrade", (request, socket) => {
    // By hand, as a WebSocket library would answer a Close frame by itself. The accept key is RFC 6455's, section 4.2.2.
    const key = `${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
    const accept = createHash("sha1").update(key).digest("base64");
    const head = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"];
    socket.write(`${[...head, `Sec-WebSocket-Accept: ${accept}`].join("\r\n")}\r\n\r\n`);
    // An HTTP server's sockets stay half-open on the client's end, which here would look like one that is never gone.
    socket.resume().once("end", () => socket.destroy());
  });
  return await startPeer(server);
}

/** What a scripted peer does with a WebSocket, one after the other. */
export type PeerStep =
  /** A text frame. */
  | { readonly text: string }
  /** Binary frames, each of these bytes; `fill` makes each of so many bytes more of the letter x;
   * `fragments` makes them fragments of one frame that never ends. */
  | { readonly binary: string; readonly frames?: number; readonly fill?: number; readonly fragments?: true }
  /** Waits for the client's next frame. */
  | { readonly await: "frame" }
  /** A Close frame; one of a peer that then keeps the TCP connection, and reads nothing more; a TCP reset. */
  | { readonly end: "close" | "stay" | "reset" };

/** Accepts every WebSocket upgrade and does these steps, whatever the client says. */
export async function startFramePeer(steps: readonly PeerStep[]): Promise<TestPeer> {
  const server = createHttpServer();
  const sockets = new WebSocketServer({ server });
  sockets.on("connection", (socket, { socket: tcp }) => {
    socket.on("error", () => {}); // Many tests end with a reset.
    void playSteps(socket, tcp, steps);
  });
  return await startPeer(server);
}

async function playSteps(socket: WebSocket, tcp: Socket, steps: readonly PeerStep[]): Promise<void> {
  for (const step of steps) {
    if ("text" in step) socket.send(step.text);
    else if ("end" in step) endAs(step.end, socket, tcp);
    else if ("await" in step) await once(socket, "message");
    else {
      const frame = Buffer.from(step.binary + "x".repeat(step.fill ?? 0));
      for (let sent = 1; sent <= (step.frames ?? 1) && socket.readyState === socket.OPEN; sent += 1) {
        socket.send(frame, { fin: step.fragments !== true });
        // So that it hears the client's end, and does not go on to send to nobody.
        if (sent % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
    }
  }
}

function endAs(end: "close" | "stay" | "reset", socket: WebSocket, tcp: Socket): void {
  if (end === "close") socket.close(1000);
  else if (end === "reset") socket.terminate();
  else {
    // The library would end the connection when it hears the client's Close frame.
    tcp.pause().removeAllListeners("data");
    tcp.write(Buffer.from([0x88, 2, 0x03, 0xe8])); // RFC 6455, section 5.5.1: a Close frame of status 1000
  }
}

/** Accepts every connection and ends it at once: with a FIN, or a reset once the first bytes have come. */
export async function startHangUpPeer(how: "close" | "reset"): Promise<TestPeer> {
  return await startPeer(
    createServer((socket) => {
      if (how === "close") socket.end();
      else socket.once("data", () => socket.resetAndDestroy());
    }),
  );
}

/** Answers every HTTP request, an upgrade too, with this status: a gateway, a login page, a moved address. */
export async function startStatusPeer(
  status: number,
  headers: Readonly<Record<string, string>> = {},
): Promise<TestPeer> {
  // Without an "upgrade" listener, Node hands an upgrade to the request listener.
  const server = createHttpServer((_request, response) => {
    response.writeHead(status, { "Content-Type": "text/plain", ...headers }).end(`test peer: ${status}\n`);
  });
  return await startPeer(server);
}

/** A port that refuses every connection for as long as it is held. */
export interface RefusedPort extends AsyncDisposable {
  readonly port: number;
  readonly wsUrl: string;
  /** Gives the port back to the system. */
  stop(): Promise<void>;
}

/**
 * Holds a port on which nothing listens. A port that was merely closed could be the next one that the system hands out; the
 * near end of an established connection is taken, and still refuses.
 */
export async function holdRefusedPort(): Promise<RefusedPort> {
  const far = await startSilentPeer();
  const near = connect(far.port, "127.0.0.1");
  near.on("error", () => {}); // The far end goes first.
  await once(near, "connect");
  const port = near.localPort ?? 0; // connected, so it has one
  const stop = async (): Promise<void> => {
    near.destroy();
    await far.stop();
  };
  return { port, wsUrl: `ws://127.0.0.1:${port}`, stop, [Symbol.asyncDispose]: stop };
}

interface Waiter {
  readonly count: number;
  resolve(): void;
}

/** Listens, and keeps count of the connections. `server` may be an HTTP server, which is a TCP one underneath. */
async function startPeer(server: Server): Promise<TestPeer> {
  const sockets = new Set<Socket>();
  let waiters: Waiter[] = [];
  let accepted = 0;
  const tell = (): void => {
    for (const { count, resolve } of waiters) if (count === sockets.size) resolve();
    waiters = waiters.filter(({ count }) => count !== sockets.size);
  };
  server.on("connection", (socket) => {
    accepted += 1;
    sockets.add(socket);
    socket.on("error", () => {}); // Many tests end with a reset.
    socket.once("close", () => {
      sockets.delete(socket);
      tell();
    });
    tell();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo; // A listening TCP server has no other kind of address.

  const stop = async (): Promise<void> => {
    if (!server.listening) return;
    const closed = once(server, "close");
    server.close();
    // Not resetAndDestroy(): on a socket whose end() is under way it fails with EINVAL, and Node 24 then spins for ever
    // when the process ends, waiting for a handle that nobody closes.
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  return {
    port,
    wsUrl: `ws://127.0.0.1:${port}`,
    get connections() {
      return sockets.size;
    },
    get accepted() {
      return accepted;
    },
    onceConnections: async (count) => {
      if (sockets.size === count) return;
      await new Promise<void>((resolve) => waiters.push({ count, resolve }));
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
