// Receipts of the consumer's leader: a settlement sent with a reply subject is answered once the
// leader has it (double ack).
import type { Msg } from "@nats-io/nats-core";
import type { Connection } from "../connection/connection.ts";
import { newInbox } from "../connection/inbox-name.ts";
import { type Deadline, waitUntil } from "../deadline.ts";
import { readHeaders } from "../message/headers.ts";

/** What became of a receipt: the leader's own answer, or the news that nobody is there to give one. */
type Received = (confirmed: boolean) => void;

/**
 * Gives out reply subjects, and tells when each has been answered. One subscription for all of a
 * drain's settlements.
 */
export class Receipts {
  readonly #connection: Connection;
  readonly #inboxPrefix: string | undefined;
  readonly #waiting = new Map<string, Received>();
  #inbox: string | undefined;
  #count = 0;
  #allIn: (() => void)[] = [];
  /** Whether nobody was there for some of it: not the leader, nor anybody in its place. */
  unheard = false;

  constructor(connection: Connection, inboxPrefix: string | undefined) {
    this.#connection = connection;
    this.#inboxPrefix = inboxPrefix;
  }

  /** Replies that are not in yet. */
  get open(): number {
    return this.#waiting.size;
  }

  /**
   * Subscribes. To be called a turn of the event loop before the first reply subject goes out: what
   * the outbox writes overtakes what nats-core has not sent yet.
   */
  prepare(): void {
    this.#inbox ??= this.#subscribe();
  }

  /** A reply subject; `received` is called when it has been answered. */
  expect(received: Received): string {
    this.prepare();
    this.#count += 1;
    const subject = `${this.#inbox}.${this.#count}`;
    this.#waiting.set(subject, received);
    return subject;
  }

  /** Resolves when every reply is in, at `deadline`, or when the connection ends. */
  async all(deadline: Deadline): Promise<void> {
    if (this.#waiting.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#allIn.push(resolve);
    await waitUntil(Promise.race([promise, this.#connection.lost.then(() => {})]), deadline);
  }

  #subscribe(): string {
    const inbox = newInbox(this.#inboxPrefix);
    const { nats } = this.#connection;
    const callback = (error: Error | null, msg: Msg): void => {
      if (!error) this.#answered(msg);
    };
    if (!nats.isClosed()) nats.subscribe(`${inbox}.*`, { callback });
    return inbox;
  }

  #answered(msg: Msg): void {
    const received = this.#waiting.get(msg.subject);
    if (!received) return;
    this.#waiting.delete(msg.subject);
    // No responders, a status: there is no such consumer any more, which is an answer, though no receipt.
    const isHeard = readHeaders(msg).code !== 503;
    this.unheard ||= !isHeard;
    received(isHeard);
    if (this.#waiting.size > 0) return;
    const waiters = this.#allIn;
    this.#allIn = [];
    for (const resolve of waiters) resolve();
  }
}
