// The socket under the connection: opened in the way each runtime can also abort, and gone the
// moment it is closed.
//
// nats-core waits for the peer's Close frame, and a frozen peer never sends one: a Node process
// then never exits, and a cron invocation in workerd is pinned for its whole wall limit. So closing
// here is: send a Close frame, then drop the TCP connection, at once. Whoever closes has seen the
// server's PONG by then, or has given it up.
import { TOO_MUCH } from "../message/raw.ts";
import { concatenate, Handshake, type ServerInfo } from "./handshake.ts";
import type { Inbox } from "./inbox.ts";
import { Reader } from "./reader.ts";
import { signInFrame } from "./sign-in-frame.ts";
import {
  type Bytes,
  encode,
  type Fetcher,
  SocketError,
  type Wire,
  type WireEvents,
  type WireOptions,
} from "./wire.ts";
import { openByFetch } from "./wire-fetch.ts";
import { openGlobal } from "./wire-global.ts";
import { openByWs } from "./wire-ws.ts";

export interface DrainSocketOptions extends WireOptions {
  /** Text of the NATS protocol that goes out in the frame of the sign-in, behind its PING. */
  readonly opening?: string | undefined;
  /** The subscriptions that are served here. */
  readonly inboxes?: readonly Inbox[] | undefined;
  /** Called with the server's first INFO. nats-core sees it when what this returns has resolved. */
  readonly onInfo?: ((info: ServerInfo) => Promise<void> | undefined) | undefined;
  /** Called when the peer, or the network, or what the peer sent, ended it. */
  readonly onLost?: (() => void) | undefined;
}

/**
 * Most frames that hold no more than a PING or a PONG does: each costs as much as one with a message,
 * and a server that sends them without an end, empty ones at that, keeps timers from firing.
 */
const MAX_TINY_FRAMES = 10_000;
const TINY_BYTES = 8;

/** The part of the WebSocket interface that nats-core's transport uses, over a wire that can be dropped. */
export class DrainSocket {
  binaryType = "arraybuffer";
  /**
   * Always 0: the transport would poll it every 100 ms before closing, and what matters was flushed
   * by a PING.
   */
  readonly bufferedAmount = 0;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: Bytes }) => void) | null = null;
  onerror: ((event: { message: string }) => void) | null = null;
  onclose: ((event: { wasClean: boolean; reason: string }) => void) | null = null;
  /** What went wrong, kept because the transport passes on no more than its text. */
  failure: SocketError | undefined;
  readonly #options: DrainSocketOptions;
  readonly #wire: Wire;
  readonly #reader: Reader;
  #handshake: Handshake | undefined;
  /** Sent with the first frame, and then no more. */
  #opening: string | undefined;
  #ended = false;
  #unsent: Bytes[] = [];
  #turns = 0;
  #tinyFrames = 0;

  constructor(url: string, options: DrainSocketOptions) {
    this.#options = options;
    this.#opening = options.opening ?? "";
    this.#handshake = new Handshake(
      {
        info: (info) => options.onInfo?.(info),
        pass: (data) => this.#reader.push(data),
        fail: (problem) => this.fail(problem),
      },
      options.maxFrameBytes,
    );
    this.#reader = new Reader(options.maxFrameBytes, {
      pass: (data) => this.onmessage?.({ data }),
      fail: (problem) => this.fail(problem),
      turned: () => {
        this.#turns += 1;
      },
    });
    for (const inbox of options.inboxes ?? []) this.#reader.own(inbox.sid, (msg) => inbox.receive(msg));
    this.#wire = openWire(url, options, {
      open: () => this.onopen?.(),
      data: (data) => this.#receive(data),
      end: (error) => this.#lose(error),
    });
  }

  /**
   * Moves on when the event loop has turned before what comes next is read; may stay though it has.
   */
  get turns(): number {
    return this.#turns;
  }

  /** Has read what came behind the first PONG, which is held until then. */
  release(): void {
    const handshake = this.#handshake;
    this.#handshake = undefined;
    handshake?.release();
  }

  /** Ends it because of what the server did, in words that hold nothing of what it sent. */
  fail(problem: string, options: { readonly misconfigured?: boolean } = {}): void {
    this.#handshake?.end();
    this.#reader.end();
    this.#lose(new SocketError(`The server ${problem}.`, options));
  }

  /**
   * Sends with what else is sent in the same turn of the microtask queue, in one frame. nats-core
   * sends CONNECT and PING apart, and a server that refuses the first and hangs up answers the
   * second with a TCP reset, which takes its refusal with it.
   */
  send(data: Bytes): void {
    if (this.#ended) return;
    this.#unsent.push(data);
    if (this.#unsent.length === 1) queueMicrotask(() => this.#flush());
  }

  #flush(): void {
    const chunks = this.#unsent;
    this.#unsent = [];
    if (this.#ended) return;
    const opening = this.#opening;
    this.#opening = undefined;
    const [only] = chunks;
    if (opening !== undefined) this.#wire.send(signInFrame([...chunks.map(bytesOf), encode(opening)]));
    else if (only) this.#wire.send(chunks.length > 1 ? concatenate(chunks.map(bytesOf)) : only);
  }

  close(): void {
    if (this.#ended) return;
    this.#drop();
    // The transport counts itself closed when it hears of it, and may be setting its handlers right now.
    queueMicrotask(() => this.onclose?.({ wasClean: true, reason: "" }));
  }

  #receive(data: ArrayBuffer | string): void {
    if (this.#ended) return;
    if (this.#wire.framesAreTurns) this.#turns += 1;
    const { maxFrameBytes } = this.#options;
    if (typeof data === "string") this.fail("sent a text frame, where the NATS protocol has binary ones");
    else if (data.byteLength > maxFrameBytes)
      this.fail(`sent a frame of ${data.byteLength} bytes, more than ${maxFrameBytes}`);
    else if (data.byteLength < TINY_BYTES && ++this.#tinyFrames > MAX_TINY_FRAMES) this.fail(TOO_MUCH);
    else if (this.#handshake) this.#handshake.push(new Uint8Array(data));
    else this.#reader.push(new Uint8Array(data));
  }

  /** The peer, or the network, ended it. */
  #lose(error?: SocketError): void {
    if (this.#ended) return;
    this.failure = error;
    // What came before the end is told before it.
    this.#reader.finish();
    this.#drop();
    this.#options.onLost?.();
    // The transport reads what came in promise reactions, and stops reading when it hears of the
    // end: the server's last error, such as that it refuses the credentials, would be lost with the
    // data that came before it.
    setTimeout(() => {
      if (error) this.onerror?.({ message: error.message });
      this.onclose?.({ wasClean: error === undefined, reason: "" });
    }, 0);
  }

  #drop(): void {
    this.#ended = true;
    this.#reader.end();
    this.#wire.end();
  }
}

/** Not `new` for what has them already, which would copy them once more. */
const bytesOf = (data: Bytes): Uint8Array => (data instanceof Uint8Array ? data : new Uint8Array(data));

/** Which way this runtime opens a socket that can be aborted. */
function socketKind(via?: Fetcher): "fetch" | "ws" | "global" {
  if (via || "WebSocketPair" in globalThis) return "fetch";
  // Deno and Bun say so too, and run the `ws` package.
  if (globalThis.process?.versions?.node) return "ws";
  return "global";
}

function openWire(url: string, options: WireOptions, events: WireEvents): Wire {
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
