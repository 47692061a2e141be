// Where dead letters may go back to: a subject of the stream that each came from, and no other.
import { type NatsConnection, PermissionViolationError } from "@nats-io/nats-core";
import { takesIn } from "../../report/subject.ts";
import type { DeadLetter } from "./dead-letter.ts";
import { readSubjects } from "./stream.ts";

/** What a stream takes in; a text says why it cannot be known. */
type Subjects = readonly string[] | string;

/** Asks each stream once. */
export class Targets {
  readonly #nats: NatsConnection;
  readonly #known = new Map<string, Subjects>();

  constructor(nats: NatsConnection) {
    this.#nats = nats;
  }

  /** Why a dead letter may not go back; undefined where it may. */
  async refusal({ stream, subject }: DeadLetter): Promise<string | undefined> {
    const subjects = this.#known.get(stream) ?? (await this.#ask(stream));
    this.#known.set(stream, subjects);
    if (typeof subjects === "string") return subjects;
    if (subjects.some((each) => takesIn(each, subject))) return undefined;
    return `the stream "${stream}", where it came from, does not take that subject in`;
  }

  async #ask(stream: string): Promise<Subjects> {
    try {
      return (await readSubjects(this.#nats, stream)) ?? `there is no stream "${stream}", where it came from`;
    } catch (error) {
      // The letter names the stream: one that this user may not ask about keeps no other letter back.
      if (error instanceof PermissionViolationError) return error.message;
      throw error;
    }
  }
}
