// Receipts of the consumer's leader: a settlement sent with a reply subject is answered once the
// leader has it (double ack).
import type { Connection } from "../connection/connection.ts";
import type { Answers } from "../connection/inbox.ts";
import { type Deadline, waitUntil } from "../deadline.ts";
import { readHeaders } from "../message/headers.ts";

/** What became of a receipt: the leader's own answer, or the news that nobody is there to give one. */
type Received = (confirmed: boolean) => void;

/** Gives out reply subjects, and tells when each has been answered. */
export class Receipts {
  readonly #connection: Pick<Connection, "lost">;
  readonly #answers: Answers;
  #open = 0;
  #allIn: (() => void)[] = [];
  /** Whether nobody was there for some of it: not the leader, nor anybody in its place. */
  unheard = false;

  constructor(connection: Pick<Connection, "lost">, answers: Answers) {
    this.#connection = connection;
    this.#answers = answers;
  }

  /** Replies that are not in yet. */
  get open(): number {
    return this.#open;
  }

  /** A reply subject; `received` is called when it has been answered. */
  expect(received: Received): string {
    this.#open += 1;
    return this.#answers.expect((msg) => {
      this.#open -= 1;
      // No responders, a status: there is no such consumer any more, which is an answer, though no receipt.
      const isHeard = readHeaders(msg).code !== 503;
      this.unheard ||= !isHeard;
      received(isHeard);
      if (this.#open === 0) this.#tellAllIn();
    });
  }

  /** Resolves when every reply is in, at `deadline`, or when the connection ends. */
  async all(deadline: Deadline): Promise<void> {
    if (this.#open === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#allIn.push(resolve);
    await waitUntil(Promise.race([promise, this.#connection.lost.then(() => {})]), deadline);
  }

  #tellAllIn(): void {
    const waiters = this.#allIn;
    this.#allIn = [];
    for (const resolve of waiters) resolve();
  }
}
