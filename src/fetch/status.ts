// What a status message on the pull's inbox means. Pure.
import { type Ending, ending } from "../report/reasons.ts";

/** A status message, and what the Fetch knew when it came. */
export interface PullStatus {
  readonly code: number;
  readonly description: string;
  readonly fill: boolean;
  /** Deliveries of this Fetch so far. */
  readonly delivered: number;
}

/**
 * How a status ends its pull; undefined for a heartbeat, which ends nothing. The codes are ADR-37's
 * and nats-server's.
 */
export function classifyStatus({ code, description, fill, delivered }: PullStatus): Ending | undefined {
  const said = `The server said: ${code} ${description}.`;
  switch (code) {
    case 100:
      return undefined;
    case 404:
      return ending("empty");
    case 408:
      return ending(fill ? "max-wait" : "empty");
    case 423:
      return ending("limit-exceeded", `Another client of the priority group holds the pin. ${said}`);
    case 503:
      return ending(
        "jetstream-unavailable",
        "No responders: check that JetStream is enabled for this account.",
      );
    case 409:
      return classifyConflict(description.toLowerCase(), said, delivered);
    default:
      return ending("bad-request", said);
  }
}

function classifyConflict(description: string, said: string, delivered: number): Ending {
  const has = (words: string): boolean => description.includes(words);
  if (has("batch completed")) return ending("batch-full");
  // After some messages it means that the byte budget is used up; as the first answer, that it can
  // never be met.
  if (has("exceeds maxbytes"))
    return delivered > 0 ? ending("batch-full") : ending("message-too-large", said);
  if (has("consumer deleted") || has("stream deleted")) return ending("consumer-deleted", said);
  if (has("leadership change")) return ending("leadership-changed", said);
  if (has("server shutdown")) return ending("server-shutdown", said);
  if (has("push based")) return ending("not-a-pull-consumer", said);
  if (has("exceeded maxwaiting")) return ending("limit-exceeded", said);
  // The consumer's configuration forbids what was asked.
  if (has("maxrequestbatch")) return ending("bad-request", `Lower \`batch\`. ${said}`);
  if (has("maxrequestexpires")) return ending("bad-request", `Lower \`maxWaitMs\`. ${said}`);
  if (has("maxrequestmaxbytes")) return ending("bad-request", `Lower \`maxBytes\`. ${said}`);
  return ending("bad-request", said);
}
