// One dead letter back to its subject, with the word of the stream that it came from.
import type { Connection } from "../../connection/connection.ts";
import { JetStreamError, NoJetStreamError } from "../../connection/jetstream.ts";
import { Publisher } from "../../settle/publish.ts";
import { PublishError } from "../../settle/publish-error.ts";
import type { DeadLetter } from "./dead-letter.ts";

/** What the stream said; `refused` when none takes it, or the one that does is not the one it came from. */
export type Answer = "stored" | "duplicate" | "refused";

const PUBLISH_MS = 10_000;

/**
 * Publishes dead letters of the stream `deadLetters`; each reason of a refusal is told once.
 *
 * @throws {PublishError} for what would befall the next one too: the connection, a permission, a server that does not answer
 */
export function publisher(
  connection: Connection,
  deadLetters: string,
  tell: (line: string) => void,
): (letter: DeadLetter) => Promise<Answer> {
  const over = new Publisher(async () => {
    if (connection.nats.isClosed()) throw new Error("the connection was lost");
    return connection;
  });
  const told = new Set<string>();
  return async ({ subject, stream, sequence, headers, data }) => {
    // Another stream may take the subject in today, even the one of the dead letters itself.
    if (stream !== undefined) headers.set("Nats-Expected-Stream", stream);
    // The same in every run: what one could not delete any more, the next finds to be a duplicate.
    const id = `sluice-redrive:${deadLetters}:${sequence}`;
    try {
      const { duplicate } = await over.publish(subject, data, { id, headers }, Date.now() + PUBLISH_MS);
      return duplicate ? "duplicate" : "stored";
    } catch (error) {
      if (!(error instanceof PublishError) || !isRefusal(error.cause)) throw error;
      if (!told.has(error.message)) tell(error.message);
      told.add(error.message);
      return "refused";
    }
  };
}

/** The stream's own word, or that there is none. */
function isRefusal(cause: unknown): boolean {
  return cause instanceof JetStreamError || cause instanceof NoJetStreamError;
}
