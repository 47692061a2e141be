// How many handlers start between two turns of the event loop, so that timers and I/O go on under
// handlers that never wait. In production a Worker's clock stands still between turns, so their
// number is all that can be gone by at first.
import type { Deadline } from "../deadline.ts";

const MIN = 4;
const MAX = 512;
const QUICK_MS = 5;
const SLOW_MS = 50;

export class Burst {
  #size: number;
  #started = 0;
  #startedAt: Deadline = 0;
  #turns = 0;

  constructor(concurrency: number) {
    this.#size = Math.max(MIN, concurrency);
  }

  /** Tells how often the event loop has turned: a turn that came by itself begins another burst. */
  turned(turns: number): void {
    if (turns !== this.#turns) this.#started = 0;
    this.#turns = turns;
  }

  /** A handler starts. Whether the event loop is to have its turn before the next one. */
  start(at: Deadline): boolean {
    if (this.#started === 0) this.#startedAt = at;
    this.#started += 1;
    return this.#started >= this.#size;
  }

  /** The event loop has had its turn. */
  end(at: Deadline): void {
    // The turn itself is in it, which on a busy machine takes its time: so only what is far beyond
    // that makes bursts shorter.
    const tookMs = at - this.#startedAt;
    const factor = tookMs < QUICK_MS ? 4 : tookMs < SLOW_MS ? 2 : 1 / 4;
    this.#size = Math.min(MAX, Math.max(1, Math.floor(this.#size * factor)));
    this.#started = 0;
  }
}
