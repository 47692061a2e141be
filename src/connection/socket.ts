// The socket under the connection: opened in the way each runtime can also abort, and gone the moment it is closed.
//
// nats-core waits for the peer's Close frame, and a frozen peer never sends one: a Node process then never exits, and a
// cron invocation in workerd is pinned for its whole wall limit. So closing here is: send a Close frame, then drop the
// TCP connection, at once. Whoever closes has seen the server's PONG by then, or has given it up.

/** Something that can carry the connection in place of the network: an mTLS, VPC or service binding of Workers. */
export interface Fetcher {
  fetch(input: string, init?: RequestInit): Promise<Response>;
}

export interface SocketOptions {
  /** Extra headers of the upgrade request. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Carries the upgrade request instead of the runtime's own `fetch`. */
  readonly via?: Fetcher | undefined;
}

/** Why a socket could not be opened or ended. `status` is the HTTP status of a refused upgrade. */
export class SocketError extends Error {
  readonly code = "SLUICE_SOCKET";
  readonly status: number | undefined;
  constructor(message: string, options: { readonly cause?: unknown; readonly status?: number } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = "SocketError";
    this.status = options.status;
  }
}

type Bytes = ArrayBuffer | Uint8Array<ArrayBuffer>;

/** What each runtime's socket comes down to. */
interface Wire {
  send(data: Bytes): void;
  /** Close frame, then the connection dropped, without waiting for the peer. */
  end(): void;
}

interface WireEvents {
  open(): void;
  data(data: ArrayBuffer): void;
  end(error?: SocketError): void;
}

/** The part of the WebSocket interface that nats-core's transport uses, over a wire that can be dropped. */
export class DrainSocket {
  binaryType = "arraybuffer";
  /** Always 0: the transport would poll it every 100 ms before closing, and what matters was flushed by a PING. */
  readonly bufferedAmount = 0;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: ArrayBuffer }) => void) | null = null;
  onerror: ((event: { message: string }) => void) | null = null;
  onclose: ((event: { wasClean: boolean; reason: string }) => void) | null = null;
  /** What went wrong, kept because the transport passes on no more than its text. */
  failure: SocketError | undefined;
  readonly #wire: Wire;
  #ended = false;
  #unsent: Bytes[] = [];

  constructor(url: string, options: SocketOptions = {}) {
    this.#wire = openWire(url, options, {
      open: () => this.onopen?.(),
      data: (data) => this.onmessage?.({ data }),
      end: (error) => this.#lose(error),
    });
  }

  /**
   * Sends with what else is sent in the same turn of the microtask queue, in one frame. nats-core sends CONNECT and PING apart,
   * and a server that refuses the first and hangs up answers the second with a TCP reset, which takes its refusal with it.
   */
  send(data: Bytes): void {
    if (this.#ended) return;
    this.#unsent.push(data);
    if (this.#unsent.length === 1) queueMicrotask(() => this.#flush());
  }

  #flush(): void {
    const chunks = this.#unsent;
    this.#unsent = [];
    if (!this.#ended) this.#wire.send(concatenate(chunks));
  }

  close(): void {
    if (this.#ended) return;
    this.#drop();
    // The transport counts itself closed when it hears of it, and may be setting its handlers right now.
    queueMicrotask(() => this.onclose?.({ wasClean: true, reason: "" }));
  }

  /** The peer, or the network, ended it. */
  #lose(error?: SocketError): void {
    if (this.#ended) return;
    this.failure = error;
    this.#drop();
    // The transport reads what came in promise reactions, and stops reading when it hears of the end: the server's last
    // word, such as that it refuses the credentials, would be lost with the data that came before it.
    setTimeout(() => {
      if (error) this.onerror?.({ message: error.message });
      this.onclose?.({ wasClean: error === undefined, reason: "" });
    }, 0);
  }

  #drop(): void {
    this.#ended = true;
    this.#wire.end();
  }
}

/** Which way this runtime opens a socket that can be aborted. */
function socketKind(via?: Fetcher): "fetch" | "ws" | "global" {
  if (via || "WebSocketPair" in globalThis) return "fetch";
  // Deno and Bun say so too, and run the `ws` package.
  if (globalThis.process?.versions?.node) return "ws";
  return "global";
}

function openWire(url: string, options: SocketOptions, events: WireEvents): Wire {
  const kind = socketKind(options.via);
  switch (kind) {
    case "fetch":
      return openByFetch(url, options, events);
    case "ws":
      return openByWs(url, options, events);
    case "global":
      return openGlobal(url, events);
    default:
      return kind satisfies never;
  }
}

/** workerd's client socket, which its types and the DOM's do not share. */
interface UpgradedSocket extends WebSocket {
  accept(): void;
}

function openByFetch(url: string, options: SocketOptions, events: WireEvents): Wire {
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
  open().catch((cause: unknown) => events.end(asSocketError(cause)));
  return {
    send: (data) => socket?.send(data),
    end: () => {
      quietly(() => socket?.close(1000));
      aborter.abort();
    },
  };
}

// Only Node loads it: its built-in WebSocket can neither be dropped nor take headers. Bundlers for Workers find the package's stub
// instead. Kept, because asking Node's loader again costs as much as a heartbeat.
let loadingWs: Promise<typeof import("ws")> | undefined;
function loadWs(): Promise<typeof import("ws")> {
  loadingWs ??= import("ws");
  return loadingWs;
}

function openByWs(url: string, options: SocketOptions, events: WireEvents): Wire {
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

function openGlobal(url: string, events: WireEvents): Wire {
  const socket = new WebSocket(url);
  socket.binaryType = "arraybuffer";
  socket.addEventListener("open", () => events.open());
  listen(socket, events);
  return { send: (data) => socket.send(data), end: () => quietly(() => socket.close(1000)) };
}

function listen(socket: WebSocket, events: WireEvents): void {
  socket.addEventListener("message", (event) => events.data(event.data as ArrayBuffer)); // by binaryType
  socket.addEventListener("close", () => events.end());
  socket.addEventListener("error", (event) => {
    const { message } = event as { message?: string }; // an ErrorEvent in workerd, a bare Event elsewhere
    events.end(new SocketError(message || "The WebSocket failed."));
  });
}

function asSocketError(cause: unknown): SocketError {
  if (cause instanceof SocketError) return cause;
  const message = cause instanceof Error ? cause.message : String(cause);
  return new SocketError(message || "The WebSocket failed.", { cause });
}

function concatenate(chunks: readonly Bytes[]): Bytes {
  const [only] = chunks;
  if (only && chunks.length === 1) return only;
  const whole = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(new Uint8Array(chunk), at);
    at += chunk.byteLength;
  }
  return whole;
}

function quietly(action: () => void): void {
  try {
    action();
  } catch {
    // Ending what is not open yet, or no more, is what was wanted.
  }
}
