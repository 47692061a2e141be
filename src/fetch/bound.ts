// What the Fetches of a drain may still ask for: so many messages and bytes each, so many times.
import type { RawMessage } from "../message/received.ts";
import { sizeOf } from "./delivery.ts";
import type { FetchPlan } from "./plan.ts";

export class FetchBound {
  readonly #plan: Pick<FetchPlan, "batch" | "maxBytes" | "fetches">;
  /** Fetches begun. */
  #begun = 1;
  #bytes = 0;
  /** Messages that this Fetch has brought. */
  delivered = 0;

  constructor(plan: Pick<FetchPlan, "batch" | "maxBytes" | "fetches">) {
    this.#plan = plan;
  }

  /** Messages that this Fetch may still ask for. */
  get messagesLeft(): number {
    return this.#plan.batch - this.delivered;
  }

  /** Bytes that it may still ask for; at least 1, as nats-server takes 0 for no bound. */
  get bytesLeft(): number {
    return Math.max(1, this.#plan.maxBytes - this.#bytes);
  }

  /** A Fetch before this one was used up, and this one has brought nothing yet. */
  get isNextToBegin(): boolean {
    return this.#begun > 1 && this.delivered === 0;
  }

  take(msg: RawMessage): void {
    this.delivered += 1;
    this.#bytes += sizeOf(msg);
  }

  /** Begins the next Fetch, unless this was the last: whether it did. */
  next(): boolean {
    if (this.#begun >= this.#plan.fetches) return false;
    this.#begun += 1;
    this.delivered = 0;
    this.#bytes = 0;
    return true;
  }
}
