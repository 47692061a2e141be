// The socket under the connection: opened in the way each runtime can also abort, and gone the moment it is closed.
//
// nats-core waits for the peer's Close frame, and a frozen peer never sends one: a Node process then never exits, and a
// cron invocation in workerd is pinned for its whole wall limit. So closing here is: send a Close frame, then drop the
// TCP connection, at once. Whoever closes has seen the server's PONG by then, or has given it up.
import type { Bytes, Fetcher, SocketError, SocketOptions, Wire, WireEvents } from "./wire.ts";
import { openByFetch } from "./wire-fetch.ts";
import { openGlobal } from "./wire-global.ts";
import { openByWs } from "./wire-ws.ts";

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
