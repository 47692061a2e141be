// A drain's own subscriptions. They go out with the sign-in, and what comes goes to their owner as it
// is read off the wire: nats-core, which counts its subscriptions from 1, knows none of them.
//
// Two of them: whoever hears where an answer goes, as a subscriber of the ack subjects does, must not
// know where the messages come.
import type { RawMessage } from "../message/received.ts";
import { newInbox } from "./inbox-name.ts";

const DELIVERIES_SID = 1_000_001;
const ANSWERS_SID = 1_000_002;

/** A subscription, and the subjects that it hears. */
export class Inbox {
  readonly sid: number;
  readonly #name: string;
  #count = 0;
  /** Has what comes. */
  receive: (msg: RawMessage) => void = () => {};

  constructor(sid: number, prefix: string | undefined) {
    this.sid = sid;
    this.#name = newInbox(prefix);
  }

  /** What it subscribes to. */
  get subject(): string {
    return `${this.#name}.*`;
  }

  /** A subject of it that nothing has been sent to yet. */
  next(): string {
    this.#count += 1;
    return `${this.#name}.${this.#count}`;
  }

  /** Whether a subject is one of its own. */
  has(subject: string): boolean {
    return subject.startsWith(`${this.#name}.`);
  }
}

/** Where answers come: each once, to who expects it. */
export class Answers {
  readonly inbox: Inbox;
  readonly #expected = new Map<string, (msg: RawMessage) => void>();

  constructor(prefix?: string) {
    this.inbox = new Inbox(ANSWERS_SID, prefix);
    this.inbox.receive = (msg) => {
      const { subject } = msg; // made text each time that it is asked for
      const received = this.#expected.get(subject);
      this.#expected.delete(subject);
      received?.(msg);
    };
  }

  /** A reply subject; `received` is called when it has been answered. */
  expect(received: (msg: RawMessage) => void): string {
    const subject = this.inbox.next();
    this.#expected.set(subject, received);
    return subject;
  }
}

/** The subscriptions of one drain. */
export class Inboxes {
  readonly deliveries: Inbox;
  readonly answers: Answers;

  constructor(prefix?: string) {
    this.deliveries = new Inbox(DELIVERIES_SID, prefix);
    this.answers = new Answers(prefix);
  }

  get all(): readonly Inbox[] {
    return [this.deliveries, this.answers.inbox];
  }
}
