// What a drain has sent to settle its messages, as far back as it may matter once more.
import { type Payload, payload } from "../connection/protocol.ts";

/** The counter that a settled message falls into once it is confirmed. */
export type Count = "acked" | "retried" | "rejected" | "deadLettered" | "released" | "exhausted";

export interface Settlement {
  /** The ack subject. */
  readonly subject: string;
  readonly payload: Payload;
  readonly as: Count;
}

export const ACK: Payload = payload("+ACK");
export const NAK = "-NAK";
export const TERM: Payload = payload("+TERM");

/** After an ack or a term its message is not delivered again, unless it is under way. */
export function isFinal({ payload }: Settlement): boolean {
  return payload === ACK || payload === TERM;
}

export function isNak({ payload }: Settlement): boolean {
  return payload.text.startsWith(NAK);
}

/** Stretches that the leader was asked about, and what it confirmed last. */
export class Sent {
  readonly #most: number;
  readonly #asked = new Set<readonly Settlement[]>();
  #confirmed: (readonly Settlement[])[] = [];
  #confirmedCount = 0;

  /** @param most confirmed settlements that are remembered, but for the last stretch, which may have more */
  constructor(most: number) {
    this.#most = most;
  }

  /** The leader is asked about a stretch. */
  ask(stretch: readonly Settlement[]): void {
    this.#asked.add(stretch);
  }

  /** It has answered, or nobody is there to answer. */
  answered(stretch: readonly Settlement[], isConfirmed: boolean): void {
    this.#asked.delete(stretch);
    if (!isConfirmed) return;
    this.#confirmed.push(stretch);
    this.#confirmedCount += stretch.length;
    while (this.#confirmedCount > this.#most && this.#confirmed.length > 1)
      this.#confirmedCount -= this.#confirmed.shift()?.length ?? 0;
  }

  /** What it confirmed last, in the order of its answers. */
  get confirmed(): readonly Settlement[] {
    return this.#confirmed.flat();
  }

  /** That, and what it has not answered yet. */
  get all(): readonly Settlement[] {
    return [...this.#confirmed, ...this.#asked].flat();
  }
}
