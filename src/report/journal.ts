// The journal: what arrives by itself while a drain is under way. Append-only; the report is made from it.
import { oneLine } from "../checks.ts";
import type { Ending } from "./reasons.ts";
import type { DeadLetters } from "./report.ts";

/** What a finding can be about. Stable names: an operator filters on them. */
export type Note =
  | "handler-failed"
  | "batch-result-invalid"
  | "retry-delay-failed"
  | "dead-letter-failed"
  | "dead-letter-unconfirmed"
  | "dead-letter-copied"
  | "dead-letter-stub"
  | "dead-letter-parked"
  | "dead-letter-loop"
  | "headers-dropped"
  | "deliveries-exhausted"
  | "foreign-message"
  | "ack-wait-guessed"
  | "ack-wait-ended"
  | "max-deliver-unknown"
  | "insecure-connection"
  | "observer-failed"
  | "history-failed";

/** How often something was noted, and the first details of it. */
export interface Noted {
  readonly count: number;
  readonly first: readonly string[];
}

// An operator looks at a few; a report is no list of them all.
const MAX_FIRST = 5;
// It may quote a stranger: a header's name, the name of an error.
const MAX_DETAIL_LENGTH = 500;
// A reason is the handler's own text: so many different ones are told apart, and so much of each.
const MAX_REASONS = 8;
const MAX_REASON_LENGTH = 120;
/** Of a long wait the first so many heartbeats say enough. */
const MAX_HEARTBEATS = 32;

/** Takes notes; never a message's body, never a secret. */
export class Journal {
  readonly #notes = new Map<Note, { count: number; first: string[] }>();
  readonly #deadLetters = new Map<string, number>();
  /** Idle heartbeats seen. */
  heartbeats = 0;
  /** When the first ones came, on the monotonic clock. */
  readonly heartbeatsAt: number[] = [];
  #denied: Ending | undefined;

  /** Writes down one occurrence. */
  note(note: Note, given: string): void {
    const detail = oneLine(given, MAX_DETAIL_LENGTH);
    const noted = this.#notes.get(note) ?? { count: 0, first: [] };
    noted.count += 1;
    if (noted.first.length < MAX_FIRST && !noted.first.includes(detail)) noted.first.push(detail);
    this.#notes.set(note, noted);
  }

  /** A permission that settling or dead-lettering lacked: the first one is the drain's reason. */
  deny(ending: Ending): void {
    this.#denied ??= ending;
  }

  get denied(): Ending | undefined {
    return this.#denied;
  }

  /** A dead letter has its PubAck. */
  deadLetter(given: string): void {
    const reason = oneLine(given, MAX_REASON_LENGTH);
    const isKnown = this.#deadLetters.has(reason) || this.#deadLetters.size < MAX_REASONS;
    const key = isKnown ? reason : "other";
    this.#deadLetters.set(key, (this.#deadLetters.get(key) ?? 0) + 1);
  }

  get deadLetters(): readonly DeadLetters[] {
    return Array.from(this.#deadLetters, ([reason, count]) => ({ reason, count }));
  }

  heartbeat(at: number): void {
    this.heartbeats += 1;
    if (this.heartbeatsAt.length < MAX_HEARTBEATS) this.heartbeatsAt.push(at);
  }

  noted(note: Note): Noted | undefined {
    return this.#notes.get(note);
  }
}
