// Receipts of the consumer's leader: a settlement sent with a reply subject is answered once the leader has it (double ack).
import { createInbox, type NatsConnection } from "@nats-io/nats-core";
import { type Deadline, waitUntil } from "../deadline.ts";

/** Gives out reply subjects, and tells when each has been answered. One subscription for all of a drain's settlements. */
export class LeaderReceipts {
  readonly #inbox: string;
  readonly #waiting = new Map<string, () => void>();
  #count = 0;
  #allIn: (() => void) | undefined;

  constructor(nats: NatsConnection, inboxPrefix?: string) {
    this.#inbox = createInbox(inboxPrefix);
    nats.subscribe(`${this.#inbox}.*`, {
      callback: (error, msg) => {
        if (error) return;
        // No responders: there is no such consumer any more, which is an answer, though no receipt.
        this.#answered(msg.subject, msg.headers?.code !== 503);
      },
    });
  }

  /** A reply subject; `received` is called when it has been answered. */
  expect(received: () => void): string {
    this.#count += 1;
    const subject = `${this.#inbox}.${this.#count}`;
    this.#waiting.set(subject, received);
    return subject;
  }

  /** Resolves when every reply is in, or at `deadline`. */
  async all(deadline: Deadline): Promise<void> {
    if (this.#waiting.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#allIn = resolve;
    await waitUntil(promise, deadline);
  }

  #answered(subject: string, received: boolean): void {
    if (received) this.#waiting.get(subject)?.();
    this.#waiting.delete(subject);
    if (this.#waiting.size === 0) this.#allIn?.();
  }
}
