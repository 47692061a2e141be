// What a server says until the client is signed in, read by us before nats-core sees it: bounded,
// checked, and passed on by whole lines. nats-core would read it in quadratic time and without an
// end, and print by console.log what it cannot read.
//
// What comes after the first PONG is held until there is a connection to tell of it, as of a permission
// that is denied.

/** A line may hold so many bytes, as INFO does with the addresses of a large cluster. */
export const MAX_LINE_BYTES = 65_536;
/** A server needs one frame until its INFO, and one more until its PONG. */
const MAX_FRAMES = 64;
/** And one line each, where it has nothing to refuse. */
const MAX_LINES = 256;
/** More came than may wait to be read. */
export const UNASKED = "sent more than was asked for";
const LF = 10;
const NOTHING = new Uint8Array();
const decoder = new TextDecoder();

/** The part of INFO that is used here. */
export interface ServerInfo {
  readonly nonce?: unknown;
  readonly tls_required?: unknown;
}

export interface HandshakeEvents {
  /** The server's first INFO. What it returns is waited for before the line is passed on; must not reject. */
  readonly info: (info: ServerInfo) => Promise<void> | undefined;
  readonly pass: (bytes: Uint8Array<ArrayBuffer>) => void;
  /** Called once, and then nothing else. */
  readonly fail: (problem: string) => void;
}

type Phase = "info" | "pong" | "held" | "over";

/** Reads the server's side of the handshake. */
export class Handshake {
  readonly #events: HandshakeEvents;
  readonly #maxHeldBytes: number;
  #phase: Phase = "info";
  /** INFO waits to be answered, and all behind it with it. */
  #paused = false;
  #unread: Uint8Array<ArrayBuffer>[] = [];
  #bytes = 0;
  #frames = 0;
  #lines = 0;

  constructor(events: HandshakeEvents, maxHeldBytes: number) {
    this.#events = events;
    this.#maxHeldBytes = maxHeldBytes;
  }

  push(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.#phase === "over") return;
    this.#unread.push(bytes);
    this.#bytes += bytes.length;
    this.#frames += 1;
    if (this.#phase === "held") {
      if (this.#bytes > this.#maxHeldBytes) this.#fail(UNASKED);
      return;
    }
    if (!this.#paused) this.#read();
    // A frame may hold what belongs behind the PONG, too. What is over the bound here is before it.
    if (this.#phase === "info" || this.#phase === "pong") this.#bound();
  }

  /** Passes on what was held. From now on nothing comes through here. */
  release(): void {
    const held = this.#phase === "held" ? this.#unread : [];
    this.#phase = "over";
    this.#unread = [];
    for (const bytes of held) if (bytes.length > 0) this.#events.pass(bytes);
  }

  /** Lets nothing more through. */
  end(): void {
    this.#phase = "over";
    this.#unread = [];
  }

  #bound(): void {
    if (this.#bytes <= MAX_LINE_BYTES && this.#frames <= MAX_FRAMES) return;
    this.#fail(`sent ${this.#frames} frames, ${this.#bytes} bytes, without completing the handshake`);
  }

  #fail(problem: string): void {
    this.end();
    this.#events.fail(problem);
  }

  /** Takes the lines that are complete. Few frames, and few bytes of each, so joining them costs little. */
  #read(): void {
    let rest = join(this.#unread);
    while (this.#phase === "info" || this.#phase === "pong") {
      const end = rest.subarray(0, MAX_LINE_BYTES).indexOf(LF) + 1;
      if (end === 0) break;
      const line = rest.subarray(0, end);
      rest = rest.subarray(end);
      this.#take(line);
      if (this.#paused) break;
    }
    this.#unread = rest.length > 0 ? [rest] : [];
    this.#bytes = rest.length;
  }

  #take(line: Uint8Array<ArrayBuffer>): void {
    this.#lines += 1;
    if (this.#lines > MAX_LINES) {
      this.#fail(`sent ${this.#lines} lines without completing the handshake`);
      return;
    }
    const text = decoder.decode(line);
    const info = /^INFO[ \t]+(\{[^\r\n]*\})[ \t]*\r\n$/i.exec(text)?.[1];
    if (info !== undefined) this.#takeInfo(line, info);
    else if (this.#phase === "info") this.#fail("did not greet as nats-server does");
    else if (/^PONG[ \t]*\r\n$/i.test(text)) {
      this.#phase = "held";
      this.#events.pass(line);
    } else if (/^(?:PING[ \t]*|\+OK[ \t]*|-ERR[ \t]+[^\r\n]+)\r\n$/i.test(text)) this.#events.pass(line);
    else this.#fail("sent what is not the NATS protocol");
  }

  #takeInfo(line: Uint8Array<ArrayBuffer>, json: string): void {
    const info = parseInfo(json);
    if (!info) {
      this.#fail("sent an INFO that cannot be read");
      return;
    }
    const ready = this.#phase === "info" ? this.#events.info(info) : undefined;
    if (this.#phase === "info") {
      this.#phase = "pong";
      this.#frames = 0;
    }
    if (!ready) {
      this.#events.pass(line);
      return;
    }
    this.#paused = true;
    void ready.then(() => {
      this.#paused = false;
      if (this.#phase !== "pong") return;
      this.#events.pass(line);
      this.#read();
    });
  }
}

/** Undefined where nats-core would throw at it: it wants an object, and a version. */
function parseInfo(json: string): ServerInfo | undefined {
  try {
    const info = JSON.parse(json) as ServerInfo & { version?: unknown }; // by the pattern, an object
    return typeof info.version === "string" && /\d+.\d+.\d+/.test(info.version) ? info : undefined;
  } catch {
    return undefined;
  }
}

function join(chunks: readonly Uint8Array<ArrayBuffer>[]): Uint8Array<ArrayBuffer> {
  const [only = NOTHING] = chunks;
  return chunks.length > 1 ? concatenate(chunks) : only;
}

/** All of it, copied into one. */
export function concatenate(chunks: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
