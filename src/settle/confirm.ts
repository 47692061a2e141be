// The end of settling: every settlement is confirmed by the consumer's leader, or can no longer be.
import type { Budget } from "../budget.ts";
import type { Connection } from "../connection/connection.ts";
import { type Deadline, now } from "../deadline.ts";
import type { Consumer, Gone } from "../fetch/consumer.ts";
import type { Journal } from "../report/journal.ts";
import { type Ending, ending } from "../report/reasons.ts";
import type { Outbox } from "./outbox.ts";
import type { Reserve } from "./reserve.ts";

interface ConfirmParts {
  readonly connection: Connection;
  readonly consumer: Consumer;
  readonly budget: Budget;
  readonly deadlines: { readonly handle: Deadline; readonly settle: Deadline };
  /** How long connecting took, in milliseconds. */
  readonly connectMs: number;
  readonly journal: Journal;
  readonly options: { readonly stream: string; readonly until: "empty" | "limit" };
}

interface SettleParts {
  readonly outbox: Outbox;
  readonly reserve: Reserve;
  readonly puller: { readonly isTakenBack: boolean };
  readonly fetched: () => number;
}

/**
 * Resolves when every settlement is confirmed or can no longer be: to whether the consumer is gone,
 * where that was asked. Nothing is handled any more, so an answer has no reason to be late: `by` is
 * what the slice allows, and no longer.
 */
export async function confirmAll(
  parts: ConfirmParts,
  { outbox, reserve, puller, fetched }: SettleParts,
  by: Deadline,
): Promise<Gone | undefined> {
  const { consumer, budget, deadlines, journal, options } = parts;
  await reserve.copyAll(Math.min(deadlines.handle + (budget.settleMs * 5) / 8, by));
  const { confirmed } = outbox;
  const confirming = outbox.confirm(by, puller.isTakenBack);
  // In the same flight: a consumer made anew may answer what was meant for the one before it. And it
  // knows what is pending now, where a drain has waited for more.
  const asks = fetched() > 0 || options.until === "limit";
  const asking = consumer.facts && asks ? ask(parts, by) : undefined;
  if (asking) await Promise.race([confirming, asking.then((gone) => (gone ? undefined : confirming))]);
  else await confirming;
  const asked = await asking;
  if (asked?.isAnother) outbox.disown();
  // Whoever answered in this flight: it is not the leader of a consumer that is gone.
  else if (asked?.ending.reason === "consumer-deleted") outbox.disown(confirmed);
  // Of one that has no leader at the moment the next one is not known.
  else await outbox.repeat(by, asked?.ending.reason === "jetstream-unavailable" ? 0 : consumer.sureTo);
  if (consumer.loweredTo !== undefined)
    for (const sequence of outbox.exhaust(consumer.loweredTo))
      journal.note("deliveries-exhausted", `${options.stream}:${sequence}`);
  return asked;
}

/** Why the leader has not confirmed all, as far as it, or the lack of it, tells. */
export async function whyUnconfirmed(
  parts: ConfirmParts,
  { outbox }: SettleParts,
  by: Deadline,
): Promise<Ending | undefined> {
  return (await ask(parts, by))?.ending ?? (outbox.isUnheard ? unheard() : undefined);
}

function ask({ connection, consumer, connectMs }: ConfirmParts, by: Deadline): Promise<Gone | undefined> {
  return consumer.whyGone(connection, Math.min(by, now() + Math.max(250, 3 * connectMs)));
}

/** The consumer is there, as far as it can be asked, and its acks go nowhere. */
function unheard(): Ending {
  const hint = "Or the account that has the stream exports its API and not its acks, $JS.ACK.>.";
  return ending("jetstream-unavailable", `No responders to the acks. ${hint}`);
}
