// What there is to drain, as a drain learns it from its own first answer: told once, to whoever
// starts other drains beside it. Nothing is asked for it.
import { parseAckSubject } from "../message/ack-subject.ts";
import type { RawMessage } from "../message/received.ts";
import type { ConsumerFacts } from "../report/facts.ts";
import type { ConsumerAnswer } from "./consumer.ts";

/** The consumer's backlog and its room, and what one drain of it takes. */
export interface Backlog {
  readonly stream: string;
  readonly consumer: string;
  /** Messages not delivered yet. */
  readonly pending: number;
  /** Messages that may be unsettled beside those that are; absent: no limit, or not known. */
  readonly ackRoom?: number;
  /** Pull requests that may wait beside those that do; absent: not known. */
  readonly pullRoom?: number;
  /** Messages that one drain handles at once. */
  readonly atOnce: number;
  /** Messages that one drain asks for first. */
  readonly firstPull: number;
}

/** What one drain takes of it. */
export type OneDrain = Pick<Backlog, "stream" | "consumer" | "atOnce" | "firstPull">;

/** Tells the backlog when it is known: from consumer info, else from the first delivery. */
export class BacklogTeller {
  readonly #one: OneDrain;
  readonly #tell: (backlog: Backlog) => void;
  #told = false;

  constructor(one: OneDrain, answered: Promise<ConsumerAnswer>, tell: (backlog: Backlog) => void) {
    this.#one = one;
    this.#tell = tell;
    void answered.then((answer) => {
      if (answer.kind === "known") this.#once({ ...one, ...roomOf(answer.facts) });
    });
  }

  /** Where the user may not ask for consumer info, the first delivery says what is behind it. */
  delivered(msg: RawMessage): void {
    if (!this.#told) this.#once({ ...this.#one, pending: parseAckSubject(msg.reply ?? "").pending + 1 });
  }

  #once(backlog: Backlog): void {
    if (this.#told) return;
    this.#told = true;
    try {
      this.#tell(backlog);
    } catch {
      // Whoever listens harms no drain.
    }
  }
}

/** A paused consumer delivers nothing, whatever it has. */
function roomOf(facts: ConsumerFacts): Pick<Backlog, "pending" | "ackRoom" | "pullRoom"> {
  const { ackPending, maxAckPending, maxWaiting, paused, pending, waiting } = facts;
  return {
    pending: paused ? 0 : pending,
    ...(maxAckPending > 0 ? { ackRoom: Math.max(0, maxAckPending - ackPending) } : {}),
    ...(maxWaiting > 0 ? { pullRoom: Math.max(0, maxWaiting - waiting) } : {}),
  };
}
