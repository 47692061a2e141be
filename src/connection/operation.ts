// One operation of what a server sends: where it ends, and where the parts of a message lie. Pure.
import type { Place } from "../message/received.ts";
import { MAX_LINE_BYTES } from "./handshake.ts";

/** A message's place, and where its subscription and its reply subject are. */
export interface MessagePlace extends Place {
  readonly sid: number;
  readonly replyAt: number;
  readonly replyEnd: number;
}

const [TAB, LF, CR, SPACE, ZERO] = [9, 10, 13, 32, 48] as const;
const [G, H, M, S] = [71, 72, 77, 83] as const;
const UPPER_CASE = 0xdf;
const MAX_DIGITS = 10;
// HMSG, subject, sid, reply subject, bytes of the headers, bytes in all.
const MAX_WORDS = 6;

/** What cannot be read is not said: it is the server's. */
class ProtocolError extends Error {}

/** Reads the operation that begins at a place. */
export class OperationReader {
  readonly #maxBytes: number;
  readonly #starts = new Int32Array(MAX_WORDS);
  readonly #ends = new Int32Array(MAX_WORDS);
  /** The message that was read last; undefined where it was something else. */
  message: MessagePlace | undefined;
  /** Where more has to come: the bytes that the operation has in all; 0 where its line has no end yet. */
  needs = 0;

  /** @param maxBytes most bytes of a message */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /**
   * Where the operation at `at` ends, 0 where more of it has to come.
   *
   * @throws {Error} it cannot be read; the text holds nothing of it
   */
  read(bytes: Uint8Array, at: number): number {
    this.message = undefined;
    this.needs = 0;
    const first = (bytes[at] ?? 0) & UPPER_CASE;
    if (first === M || first === H) return this.#readMessage(bytes, at, first === H);
    const end = bytes.indexOf(LF, at) + 1;
    checkLine(at, end > 0 ? end : bytes.length);
    return end;
  }

  #readMessage(bytes: Uint8Array, at: number, hasHeaders: boolean): number {
    const starts = this.#starts;
    const ends = this.#ends;
    let count = 0;
    let wordAt = at;
    let line = at;
    for (; ; line += 1) {
      if (line >= bytes.length) {
        checkLine(at, line);
        return 0;
      }
      const byte = bytes[line] as number; // within its length
      if (byte > SPACE || (byte !== SPACE && byte !== LF && byte !== CR && byte !== TAB)) continue;
      if (line > wordAt) {
        if (count === MAX_WORDS) throw new ProtocolError();
        starts[count] = wordAt;
        ends[count] = line;
        count += 1;
      }
      wordAt = line + 1;
      if (byte === LF) break;
    }
    checkLine(at, line);
    checkName(bytes, at, hasHeaders);
    // Without a reply subject there is a word less.
    const hasReply = count === (hasHeaders ? 6 : 5);
    if (!hasReply && count !== (hasHeaders ? 5 : 4)) throw new ProtocolError();
    const size = this.#number(bytes, count - 1);
    const headerSize = hasHeaders ? this.#number(bytes, count - 2) : 0;
    if (size > this.#maxBytes || headerSize > size) throw new ProtocolError();
    const payloadAt = line + 1;
    const end = payloadAt + size;
    if (end + 2 > bytes.length) {
      this.needs = end + 2 - at;
      return 0;
    }
    if (bytes[end] !== CR || bytes[end + 1] !== LF) throw new ProtocolError();
    this.message = {
      sid: this.#number(bytes, 2),
      subjectAt: starts[1] ?? 0,
      subjectEnd: ends[1] ?? 0,
      replyAt: hasReply ? (starts[3] ?? 0) : 0,
      replyEnd: hasReply ? (ends[3] ?? 0) : 0,
      payloadAt,
      bodyAt: payloadAt + headerSize,
      end,
    };
    return end + 2;
  }

  /** The number that the word at that place of the line is. */
  #number(bytes: Uint8Array, word: number): number {
    return readNumber(bytes, this.#starts[word] ?? 0, this.#ends[word] ?? 0);
  }
}

function checkLine(at: number, end: number): void {
  if (end - at > MAX_LINE_BYTES) throw new ProtocolError();
}

/** MSG or HMSG, in whatever case, as nats-core reads it. */
function checkName(bytes: Uint8Array, at: number, hasHeaders: boolean): void {
  const from = hasHeaders ? at + 1 : at;
  // No array, no closure: they would be made for every message.
  const isName = isLetter(bytes, from, M) && isLetter(bytes, from + 1, S) && isLetter(bytes, from + 2, G);
  const after = bytes[from + 3];
  if (!isName || (after !== SPACE && after !== TAB)) throw new ProtocolError();
}

function isLetter(bytes: Uint8Array, at: number, letter: number): boolean {
  return ((bytes[at] ?? 0) & UPPER_CASE) === letter;
}

function readNumber(bytes: Uint8Array, from: number, to: number): number {
  if (to - from > MAX_DIGITS) throw new ProtocolError();
  let value = 0;
  for (let at = from; at < to; at += 1) {
    const digit = (bytes[at] ?? 0) - ZERO;
    if (digit < 0 || digit > 9) throw new ProtocolError();
    value = value * 10 + digit;
  }
  return value;
}
