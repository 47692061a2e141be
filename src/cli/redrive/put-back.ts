// Puts dead letters back, one after the other: publish, wait for the PubAck, and only then delete.
// Whatever ends it in between leaves a dead letter that was put back already; the id it was
// published under makes the next run's a duplicate.
import { type DeadLetter, type Filter, matches, readDeadLetter } from "./dead-letter.ts";
import type { Answer } from "./publish.ts";
import type { DeadLetterStream } from "./stream.ts";

/** What became of the messages read. */
export interface Counts {
  /** Put back by this run. */
  redriven: number;
  /** The stream had them already, from a run that ended before it could delete them. */
  duplicates: number;
  /** Messages that are no dead letters, as far as they say, and stubs whose message is gone. */
  skipped: number;
  /** No stream took them back. */
  refused: number;
}

export interface PutBackOptions {
  readonly filter: Filter;
  /** Most dead letters to put back. */
  readonly max: number;
  /** Publishes it, and resolves with the stream's answer. */
  readonly publish: (letter: DeadLetter) => Promise<Answer>;
  /** Deletes the dead letter, or keeps it. */
  readonly remove: (sequence: number) => Promise<void>;
  /** Waits until the next may go out. */
  readonly pace: () => Promise<void>;
  /** Is told what is skipped. */
  readonly tell: (line: string) => void;
  /** Stops before the next message, never between a publish and its delete. */
  readonly signal: AbortSignal;
}

const COUNT_OF = {
  stored: "redriven",
  duplicate: "duplicates",
  refused: "refused",
  gone: "skipped",
} as const satisfies Record<Answer, keyof Counts>;

/** Puts back; counts into `counts`, which is right also when it throws. */
export async function putBack(
  { read, inboxPrefix }: Pick<DeadLetterStream, "read" | "inboxPrefix">,
  counts: Counts,
  options: PutBackOptions,
): Promise<void> {
  const { filter, max, publish, remove, pace, tell, signal } = options;
  for await (const message of read()) {
    if (signal.aborted) return;
    const letter = readDeadLetter(message, inboxPrefix);
    if ("malformed" in letter) {
      counts.skipped += 1;
      tell(letter.malformed);
    } else if (matches(letter, filter)) {
      await pace();
      if (signal.aborted) return;
      const answer = await publish(letter);
      counts[COUNT_OF[answer]] += 1;
      if (answer === "stored" || answer === "duplicate") await remove(letter.sequence);
    }
    // What is refused is none of them: it stays in front, and would keep those behind it back for ever.
    if (counts.redriven + counts.duplicates >= max) return;
  }
}
