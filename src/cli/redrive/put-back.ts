// Puts dead letters back, one after the other: publish, wait for the PubAck, and only then delete. Whatever ends it in
// between leaves a dead letter that was put back already; the id it was published under makes the next run's a duplicate.
import { type DeadLetter, type Filter, matches, readDeadLetter, type Stored } from "./dead-letter.ts";
import type { Answer } from "./publish.ts";

/** What became of the messages read. */
export interface Counts {
  /** Put back by this run. */
  redriven: number;
  /** The stream had them already, from a run that ended before it could delete them. */
  duplicates: number;
  /** Messages that do not say where they came from. */
  skipped: number;
  /** No stream took them back. */
  refused: number;
}

export interface PutBackOptions {
  readonly filter: Filter;
  /** Most dead letters to put back. */
  readonly max: number;
  /** Publishes it, and resolves with the stream's word. */
  readonly publish: (letter: DeadLetter) => Promise<Answer>;
  /** Deletes the dead letter, or keeps it. */
  readonly remove: (sequence: number) => Promise<void>;
  /** Waits until the next may go out. */
  readonly pace: () => Promise<void>;
  /** Called after each message read. */
  readonly onRead: (counts: Readonly<Counts>) => void;
  /** Stops before the next message, never between a publish and its delete. */
  readonly signal: AbortSignal;
}

/** Puts back; counts into `counts`, which is right also when it throws. */
export async function putBack(
  messages: AsyncIterable<Stored>,
  counts: Counts,
  options: PutBackOptions,
): Promise<void> {
  const { filter, max, publish, remove, pace, onRead, signal } = options;
  for await (const message of messages) {
    if (signal.aborted) return;
    const letter = readDeadLetter(message);
    if (letter === undefined) {
      counts.skipped += 1;
    } else if (matches(letter, filter)) {
      await pace();
      if (signal.aborted) return;
      const answer = await publish(letter);
      if (answer === "refused") {
        counts.refused += 1;
      } else {
        counts[answer === "stored" ? "redriven" : "duplicates"] += 1;
        await remove(letter.sequence);
      }
    }
    onRead(counts);
    if (counts.redriven + counts.duplicates + counts.refused >= max) return;
  }
}
