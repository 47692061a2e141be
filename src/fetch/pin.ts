// The pin of a priority group with the policy `pinned_client` (ADR-42): it comes with a delivery, the
// next pull has to name it, and the server takes it away: after its timeout, or when it is told to.
import { readHeaders } from "../message/headers.ts";
import type { RawMessage } from "../message/received.ts";
import type { PriorityGroup } from "./pull-request.ts";

export class Pin {
  readonly #group: PriorityGroup | undefined;
  /** What the next pull has to name. */
  id: string | undefined;

  constructor(group: PriorityGroup | undefined) {
    this.#group = group;
  }

  /** The server's own is the last: a publisher may have given its message one too. */
  delivered(msg: RawMessage): void {
    if (this.#group) this.id = readHeaders(msg).last("Nats-Pin-Id") || this.id;
  }

  /**
   * The server knows it no more. Whether there was one: then nobody else need have it now, and the
   * next pull asks without.
   */
  lost(): boolean {
    const had = this.id !== undefined;
    this.id = undefined;
    return had;
  }
}
