// The beginning of an operation whose end is in a frame to come, put together in one copy however
// many frames it comes in.
import { MAX_LINE_BYTES } from "./handshake.ts";

const LF = 10;
// So much room is made at once for a message that says it is as large.
const PROMPT_BYTES = 1_048_576;

export class Beginning {
  #bytes: Uint8Array<ArrayBuffer>;
  #length: number;
  /** Bytes that the operation has in all; 0 where its line has no end yet. */
  #needs: number;

  constructor(bytes: Uint8Array<ArrayBuffer>, needs: number) {
    this.#bytes = bytes;
    this.#length = bytes.length;
    this.#needs = needs;
  }

  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Whether what it waited for is there: the end of its line, or all of it. */
  get isReady(): boolean {
    return this.#needs > 0 ? this.#length >= this.#needs : this.#bytes[this.#length - 1] === LF;
  }

  /** Whether its line is longer than any may be. */
  get isTooLong(): boolean {
    return this.#needs === 0 && this.#length > MAX_LINE_BYTES;
  }

  needs(bytes: number): void {
    this.#needs = bytes;
  }

  /** Takes what it waits for, at most, from `bytes` on from `at`; returns where that ends. */
  take(bytes: Uint8Array, at: number): number {
    const wanted = this.#needs > 0 ? at + this.#needs - this.#length : lineEnd(bytes, at);
    const end = Math.min(wanted, bytes.length);
    this.#append(bytes.subarray(at, end));
    return end;
  }

  #append(more: Uint8Array): void {
    const length = this.#length + more.length;
    if (length > this.#bytes.length) {
      const room = Math.max(2 * length, PROMPT_BYTES);
      const grown = new Uint8Array(this.#needs > 0 ? Math.min(this.#needs, room) : 2 * length);
      grown.set(this.bytes);
      this.#bytes = grown;
    }
    this.#bytes.set(more, this.#length);
    this.#length = length;
  }
}

/** Past the next line feed; the end of what there is where none comes. */
function lineEnd(bytes: Uint8Array, at: number): number {
  const end = bytes.indexOf(LF, at) + 1;
  return end > 0 ? end : bytes.length;
}
