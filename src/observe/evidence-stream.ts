// What a consumer's stream says of why it delivers nothing, or not everything. Pure.
import { limited, quote, show } from "../report/preflight-rule.ts";
import type { Finding } from "../report/report.ts";
import type { Known } from "./known.ts";
import type { StreamState } from "./stream-state.ts";

/** The findings, the gravest first. */
export function streamEvidence(known: Known): (Finding | undefined)[] {
  const { held } = known;
  return [
    priorityGroup(known),
    ...(held ? [nothingDelivered(known, held), full(held), soonGone(held, known.betweenRunsMs)] : []),
  ];
}

/** The server refuses a pull that names none of them. */
function priorityGroup({ facts: { stream, consumer }, counts, pullsByGroup }: Known): Finding | undefined {
  const { priorityGroups = [] } = counts;
  if (priorityGroups.length === 0 || pullsByGroup) return undefined;
  return {
    code: "priority-group",
    message:
      `The consumer has priority groups, ${list(priorityGroups)}: the server refuses a drain without the ` +
      "option priorityGroup, as the deployable Worker is. Give the drain one, or make a consumer without.",
    mend: `nats consumer info ${quote(stream)} ${quote(consumer)}`,
  };
}

function nothingDelivered({ facts, counts }: Known, held: StreamState): Finding | undefined {
  const { consumer, filterSubjects = [] } = facts;
  const { deliverPolicy = "all" } = counts;
  if (counts.delivered !== 0 || held.messages === 0) return undefined;
  const known = `The consumer has never delivered a message, and the stream has ${count(held.messages)}`;
  const stream = quote(held.stream);
  const skips = ["new", "last"].includes(deliverPolicy) || deliverPolicy.startsWith("by_start");
  if (skips && counts.pending < Math.min(2, held.messages))
    return {
      code: "deliver-policy",
      message:
        `${known}: its deliver policy is "${deliverPolicy}", which begins behind them. It cannot be ` +
        "changed: copy the consumer, if what was there before is to be handled.",
      mend: `nats consumer copy ${stream} ${quote(consumer)} ${quote(`${consumer}-2`)} --deliver all`,
    };
  if (counts.pending > 0 || filterSubjects.length === 0) return undefined;
  return {
    code: "filter-matches-nothing",
    message: `${known}: its filter, ${list(filterSubjects)}, matches none of them. Is it spelt right?`,
    mend: `nats stream subjects ${stream}`,
  };
}

/** One more message does not fit. */
function full(held: StreamState): Finding | undefined {
  const { stream, messages, bytes, discard, maxMessages = 0, maxBytes = 0, retention } = held;
  if (discard !== "new" || messages === 0) return undefined;
  const byCount = limited(maxMessages) && messages >= maxMessages;
  const byBytes = limited(maxBytes) && bytes + bytes / messages > maxBytes;
  if (!byCount && !byBytes) return undefined;
  const limit = byCount ? `${maxMessages} messages` : `${maxBytes} bytes`;
  const more = byCount ? `--max-msgs ${2 * maxMessages}` : `--max-bytes ${2 * maxBytes}`;
  const gone =
    retention === "limits" ? "An ack takes none out of such a stream." : "Each ack makes room for another.";
  return {
    code: "stream-full",
    message:
      `The stream is full, ${limit}, and discards new: whoever publishes is refused, and nothing more ` +
      `comes. ${gone}`,
    mend: `nats stream edit ${quote(stream)} ${more} --force`,
  };
}

/** What is published behind one drain may be gone before the next. */
function soonGone({ stream, maxAgeMs }: StreamState, betweenRunsMs: number | undefined): Finding | undefined {
  if (!limited(maxAgeMs) || maxAgeMs === undefined || betweenRunsMs === undefined) return undefined;
  if (maxAgeMs > betweenRunsMs) return undefined;
  return {
    code: "stream-max-age",
    message:
      `The stream deletes a message after ${show(maxAgeMs)} (max_age), and ${show(betweenRunsMs)} lie ` +
      "between two drains: what comes just behind one is gone before the next.",
    mend: `nats stream edit ${quote(stream)} --max-age ${show(10 * betweenRunsMs)} --force`,
  };
}

const list = (names: readonly string[]): string => names.map((each) => `"${each}"`).join(", ");

const count = (messages: number): string => (messages === 1 ? "1 message" : `${messages} messages`);
