// What carries the bytes of a connection, by the runtime: the parts that every runtime's file shares.

/**
 * Something that can carry the connection in place of the network: an mTLS, VPC or service binding
 * of Workers.
 */
export interface Fetcher {
  /** As the runtime's own `fetch`; answers the upgrade with a WebSocket. */
  fetch(input: string, init?: RequestInit): Promise<Response>;
}

/** How the WebSocket is opened. */
export interface SocketOptions {
  /** Extra headers of the upgrade request. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Carries the upgrade request instead of the runtime's own `fetch`. */
  readonly via?: Fetcher | undefined;
}

/** What is known of a socket's failure. */
interface SocketErrorOptions {
  readonly cause?: unknown;
  /** The HTTP status of a refused upgrade. */
  readonly status?: number;
  /** No other attempt can end better until somebody changes something here. @default false */
  readonly misconfigured?: boolean;
}

/** Why a socket could not be opened, or ended. */
export class SocketError extends Error {
  readonly code = "SLUICE_SOCKET";
  readonly status: number | undefined;
  readonly misconfigured: boolean;
  constructor(message: string, options: SocketErrorOptions = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = "SocketError";
    this.status = options.status;
    this.misconfigured = options.misconfigured ?? false;
  }
}

export type Bytes = ArrayBuffer | Uint8Array<ArrayBuffer>;

const ENCODER = new TextEncoder();

/** Text as bytes. */
export function encode(text: string): Uint8Array<ArrayBuffer> {
  return ENCODER.encode(text) as Uint8Array<ArrayBuffer>; // by the Encoding standard
}

/** What a wire is opened with. */
export interface WireOptions extends SocketOptions {
  /** Most bytes of a frame. What is larger ends the connection. */
  readonly maxFrameBytes: number;
}

/** What each runtime's socket comes down to. */
export interface Wire {
  /** Whether each frame comes in a turn of the event loop of its own. */
  readonly framesAreTurns: boolean;
  send(data: Bytes): void;
  /** Close frame, then the connection dropped, without waiting for the peer. */
  end(): void;
}

export interface WireEvents {
  open(): void;
  /** A frame: the text of a text frame, which no nats-server sends. */
  data(data: ArrayBuffer | string): void;
  end(error?: SocketError): void;
}

/** What a client says of a port that is another one than its address says; no retry makes it that one. */
const WRONG_ADDRESSES: readonly { readonly said: RegExp; readonly means: string }[] = [
  // As nats-server's own port for TCP clients.
  { said: /Expected HTTP\//, means: "Something that speaks no HTTP listens there." },
  // As OpenSSL says it, and BoringSSL, by name.
  { said: /wrong[ _]version[ _]number/i, means: "What listens there speaks no TLS: is its address ws://?" },
];

export function asSocketError(cause: unknown): SocketError {
  if (cause instanceof SocketError) return cause;
  const message = (cause instanceof Error ? cause.message : String(cause)) || "The WebSocket failed.";
  const wrong = WRONG_ADDRESSES.find(({ said }) => said.test(message));
  if (wrong) return new SocketError(`${wrong.means} (${message})`, { cause, misconfigured: true });
  // Deno's words for what its flags do not permit. It names one at a time.
  if (!/run again with the --allow-\w+ flag/.test(message)) return new SocketError(message, { cause });
  return new SocketError(`In Deno a drain needs --allow-net and --allow-env. ${message}`, {
    misconfigured: true,
  });
}

export function listen(socket: WebSocket, events: WireEvents): void {
  socket.addEventListener("message", (event) => {
    events.data(event.data as ArrayBuffer | string); // by binaryType
  });
  socket.addEventListener("close", () => events.end());
  socket.addEventListener("error", (event) => {
    const { message } = event as { message?: string }; // an ErrorEvent in workerd, a bare Event elsewhere
    events.end(new SocketError(message || "The WebSocket failed."));
  });
}

export function quietly(action: () => void): void {
  try {
    action();
  } catch {
    // Ending what is not open yet, or no more, is what was wanted.
  }
}
