// Messages at their last delivery whose dead letter could not be published. They wait until the
// drain takes nothing more, which would get their copies else, and are then copied, all at once.
import { type Deadline, now } from "../deadline.ts";
import type { DeliveredMessage } from "../message/message.ts";
import type { RawMessage } from "../message/received.ts";
import type { Journal } from "../report/journal.ts";
import { type Copy, NoCopyError, publishCopy } from "./copy.ts";
import type { Outbox } from "./outbox.ts";
import type { Publisher } from "./publish.ts";
import { mayBeStored } from "./publish-error.ts";

export interface ReserveParts {
  readonly publisher: Publisher;
  readonly outbox: Outbox;
  readonly journal: Journal;
  readonly domain: string | undefined;
}

interface Waiting {
  readonly msg: RawMessage;
  readonly message: DeliveredMessage;
  readonly reason: string;
  /** What it is a copy of, if it is one. */
  readonly of: Copy | undefined;
}

// No PubAck comes sooner: publishing then would leave a copy that nobody knows of.
const MIN_MS = 5;
/** The last delivery's nak brings nothing back. It only has to be one that the server takes. */
const NEVER_MS = 1_000;

export class Reserve {
  readonly #parts: ReserveParts;
  #waiting: Waiting[] = [];

  constructor(parts: ReserveParts) {
    this.#parts = parts;
  }

  add(waiting: Waiting): void {
    this.#waiting.push(waiting);
  }

  /** Messages that are neither copied nor settled yet. */
  held(): RawMessage[] {
    return this.#waiting.map(({ msg }) => msg);
  }

  /**
   * Copies and settles all that wait: a message is termed once its copy is stored, and is exhausted
   * where it cannot be. Never rejects.
   */
  async copyAll(by: Deadline): Promise<void> {
    await Promise.all(this.#waiting.map((each) => this.#copy(each, by)));
    this.#waiting = [];
  }

  async #copy({ msg, message, reason, of }: Waiting, by: Deadline): Promise<void> {
    const { outbox, journal, publisher, domain } = this.#parts;
    try {
      if (by - now() < MIN_MS) throw new NoCopyError();
      const copy = await publishCopy(message, reason, of, { publisher, domain, by });
      journal.note("dead-letter-copied", `${message.id} as ${copy}`);
      outbox.term(msg, "retried");
    } catch (error) {
      if (mayBeStored(error)) journal.note("dead-letter-unconfirmed", message.id);
      journal.note("deliveries-exhausted", message.id);
      outbox.nak(msg, NEVER_MS, "exhausted");
    }
  }
}
