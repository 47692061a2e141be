// The pin of a priority group with the policy `pinned_client` (ADR-42): it comes with a delivery, the
// next pull has to name it, and the server takes it away: after its timeout, or when it is told to.
import { readHeaders } from "../message/headers.ts";
import type { RawMessage } from "../message/received.ts";
import type { PriorityGroup } from "./pull-request.ts";

export class Pin {
  /** Whether deliveries may bring one. */
  #isGiven: boolean;
  /** What the next pull has to name. */
  id: string | undefined;

  constructor(group: PriorityGroup | undefined) {
    this.#isGiven = group !== undefined;
  }

  /** The server's own is the last: a publisher may have given its message one too. */
  delivered(msg: RawMessage): void {
    if (this.#isGiven) this.id = readHeaders(msg).last("Nats-Pin-Id") || this.id;
  }

  /**
   * Whether a status says that the pin which the pull named is none, so that the next one is to ask
   * without. 423: the server knows it no more, and nobody else need have it now. 400: the group has
   * another policy and no pins, and this one was a publisher's.
   */
  isRefused(code: number): boolean {
    if (this.id === undefined || (code !== 423 && code !== 400)) return false;
    if (code === 400) this.#isGiven = false;
    this.id = undefined;
    return true;
  }
}
