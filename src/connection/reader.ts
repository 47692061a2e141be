// Reads what the server sends once the connection is signed in, by whole operations, however they
// are cut into frames. The messages of the drain's own subscriptions go to their owners; all else goes
// on to nats-core as it came.
//
// nats-server packs what waits into one frame: 10,000 small messages, in frames of megabytes. A few
// hundred are read in a turn of the event loop, and their handlers run before the next are read: no
// more of them are in memory, and timers fire on time whatever a server sends. nats-core's reader
// takes a frame in one go, and looks at each byte of a line several times.
import { breathe } from "../deadline.ts";
import { UNREADABLE } from "../message/raw.ts";
import { Received } from "../message/received.ts";
import { decodeName } from "../message/utf8.ts";
import { Beginning } from "./beginning.ts";
import { UNASKED } from "./handshake.ts";
import { type MessagePlace, OperationReader } from "./operation.ts";

/** Most operations that are read in one turn of the event loop. */
const MAX_PER_TURN = 512;
/** So many reply subjects are made text at once, which takes half of the time that each by itself does. */
const WINDOW = 64;
const SCRATCH_BYTES = 16_384;

export interface ReaderEvents {
  /** Whole operations for nats-core. */
  pass(bytes: Uint8Array<ArrayBuffer>): void;
  /** Called once, and then nothing else. `problem` holds nothing of what came. */
  fail(problem: string): void;
  /** The event loop has turned since it read last. */
  turned(): void;
}

export class Reader {
  readonly #events: ReaderEvents;
  readonly #maxBytes: number;
  readonly #operation: OperationReader;
  readonly #scratch = new Uint8Array(SCRATCH_BYTES);
  /** Who has the messages of a subscription, by its sid. */
  readonly #owners = new Map<number, (message: Received) => void>();
  /** Frames that wait for the event loop to turn. */
  #unread: Uint8Array<ArrayBuffer>[] = [];
  #unreadBytes = 0;
  #beginning: Beginning | undefined;
  #isWaiting = false;
  #isOver = false;

  /** @param maxBytes most bytes of a message, and of what waits to be read */
  constructor(maxBytes: number, events: ReaderEvents) {
    this.#maxBytes = maxBytes;
    this.#events = events;
    this.#operation = new OperationReader(maxBytes);
  }

  /** From now on the messages of that subscription go to `receive`, as they are read. */
  own(sid: number, receive: (message: Received) => void): void {
    this.#owners.set(sid, receive);
  }

  push(frame: Uint8Array<ArrayBuffer>): void {
    if (this.#isOver || frame.length === 0) return;
    this.#unread.push(frame);
    this.#unreadBytes += frame.length;
    if (this.#unreadBytes > this.#maxBytes) this.#fail(UNASKED);
    else if (!this.#isWaiting) this.#read(MAX_PER_TURN);
  }

  /** Nothing more comes: reads what has come, at once. */
  finish(): void {
    if (this.#isOver) return;
    this.#read(Number.POSITIVE_INFINITY);
    this.end();
  }

  /** Reads nothing more. */
  end(): void {
    this.#isOver = true;
    this.#unread = [];
    this.#beginning = undefined;
  }

  #fail(problem: string): void {
    if (this.#isOver) return;
    this.end();
    this.#events.fail(problem);
  }

  #read(most: number): void {
    let left = most;
    try {
      for (let frame = this.#unread[0]; frame && left > 0; frame = this.#unread[0]) {
        const [end, count] = this.#readFrame(frame, left);
        if (this.#isOver) return;
        left -= count;
        this.#unreadBytes -= end;
        if (end < frame.length) this.#unread[0] = frame.subarray(end);
        else this.#unread.shift();
      }
    } catch {
      this.#fail(UNREADABLE);
    }
    if (this.#unread.length > 0 && !this.#isWaiting) void this.#readOn();
  }

  async #readOn(): Promise<void> {
    this.#isWaiting = true;
    await breathe();
    this.#isWaiting = false;
    if (this.#isOver) return;
    this.#events.turned();
    this.#read(MAX_PER_TURN);
  }

  /** To where it has read, and how many operations that were. */
  #readFrame(frame: Uint8Array<ArrayBuffer>, most: number): [end: number, count: number] {
    let at = this.#beginning ? this.#resume(this.#beginning, frame) : 0;
    let count = 0;
    let othersAt = at;
    const ours: MessagePlace[] = [];
    try {
      while (at < frame.length && count < most) {
        const end = this.#operation.read(frame, at);
        if (end === 0) break;
        count += 1;
        const { message } = this.#operation;
        if (message && this.#owners.has(message.sid)) {
          this.#passOn(frame, othersAt, at);
          ours.push(message);
          if (ours.length >= WINDOW) this.#receive(frame, ours.splice(0));
          if (this.#isOver) break;
          othersAt = end;
        }
        at = end;
      }
    } finally {
      // What came before what cannot be read has come.
      this.#receive(frame, ours);
      this.#passOn(frame, othersAt, at);
    }
    if (at === frame.length || count === most || this.#isOver) return [at, count];
    this.#beginning = new Beginning(frame.subarray(at), this.#operation.needs);
    return [frame.length, count];
  }

  /** Goes on with what began in an earlier frame; returns where that ends in this one. */
  #resume(beginning: Beginning, frame: Uint8Array): number {
    let at = 0;
    while (at < frame.length) {
      at = beginning.take(frame, at);
      if (beginning.isTooLong) throw new Error("a line without an end");
      if (!beginning.isReady) continue;
      const { bytes } = beginning;
      if (this.#operation.read(bytes, 0) === 0) {
        beginning.needs(this.#operation.needs);
        continue;
      }
      this.#beginning = undefined;
      const { message } = this.#operation;
      if (message && this.#owners.has(message.sid)) this.#receive(bytes, [message]);
      else this.#passOn(bytes, 0, bytes.length);
      break;
    }
    return at;
  }

  #passOn(bytes: Uint8Array<ArrayBuffer>, from: number, to: number): void {
    if (to > from && !this.#isOver) this.#events.pass(bytes.subarray(from, to));
  }

  #receive(bytes: Uint8Array, messages: readonly MessagePlace[]): void {
    if (messages.length === 0) return;
    const replies = this.#repliesOf(bytes, messages);
    let index = 0;
    for (const place of messages) {
      if (this.#isOver) return;
      this.#owners.get(place.sid)?.(new Received(bytes, place, replies[index] ?? ""));
      index += 1;
    }
  }

  /** Made text in one go where they are ASCII, as nearly all are. */
  #repliesOf(bytes: Uint8Array, messages: readonly MessagePlace[]): string[] {
    let length = 0;
    for (const { replyAt, replyEnd } of messages) {
      if (length + replyEnd - replyAt > SCRATCH_BYTES) return messages.map((each) => replyOf(bytes, each));
      this.#scratch.set(bytes.subarray(replyAt, replyEnd), length);
      length += replyEnd - replyAt;
    }
    const text = decodeName(this.#scratch.subarray(0, length));
    if (text.length !== length) return messages.map((each) => replyOf(bytes, each));
    let end = 0;
    return messages.map(({ replyAt, replyEnd }) => {
      const at = end;
      end += replyEnd - replyAt;
      return text.slice(at, end);
    });
  }
}

function replyOf(bytes: Uint8Array, { replyAt, replyEnd }: MessagePlace): string {
  return decodeName(bytes.subarray(replyAt, replyEnd));
}
