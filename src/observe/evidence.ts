// What is wrong with a consumer as it is now, told by its counts and by its last drains. Pure.
import { edit, limited, quote } from "../report/preflight-rule.ts";
import type { Finding, Report } from "../report/report.ts";
import { streamEvidence } from "./evidence-stream.ts";
import type { Known } from "./known.ts";

/** The findings, the gravest first. */
export function evidence(known: Known): Finding[] {
  const found = [exhausted, poison, nothingSucceeds, pace, full, paused, failing].map((look) => look(known));
  return [...found, ...streamEvidence(known)].filter((finding) => finding !== undefined);
}

function exhausted({ facts, counts, reports }: Known): Finding | undefined {
  const { maxDeliver, stream, consumer } = facts;
  if (!limited(maxDeliver)) return undefined;
  const now = counts.redelivered - counts.unacked;
  const before = reports.reduce((total, report) => total + report.exhausted, 0);
  const count = Math.max(now, before);
  if (count <= 0) return undefined;
  return {
    code: "deliveries-exhausted",
    message:
      `${messages(count)} used up max deliver (${maxDeliver}) without success: it runs out before the ` +
      "backlog does. Such a message stays in the stream, and is not delivered again. Raise max deliver " +
      "for those that follow, and give the drain a dead letter.",
    mend: edit({ stream, consumer }, `--max-deliver ${Math.max(20, 2 * (maxDeliver ?? 0))}`),
  };
}

function poison({ facts, counts, targetIsDown }: Known): Finding | undefined {
  const { stream, filterSubjects = [] } = facts;
  const count = Math.min(counts.redelivered, counts.unacked);
  if (count <= 0) return undefined;
  const first = counts.settledUpTo + 1;
  const mend = `nats stream get ${quote(stream)} ${first}`;
  // Sequences of a filtered consumer have gaps, which tell nothing.
  const behind = filterSubjects.length === 0 ? counts.lastDelivered - counts.settledUpTo - counts.unacked : 0;
  if (behind > 0) {
    return {
      code: "poison-message",
      message:
        `${messages(count)} came again and again and failed, while ${behind} behind were settled: a ` +
        `poison message. The oldest that is not settled is ${stream}:${first}. A dead letter takes such ` +
        "a message out of the way.",
      mend,
    };
  }
  if (targetIsDown) return undefined;
  return {
    code: "redelivered",
    message:
      `${messages(count)} delivered before and still not settled, from ${stream}:${first} on: one that ` +
      "fails each time is a poison message, which a dead letter takes out of the way.",
    mend,
  };
}

/** Fewer may be one message that fails, or a hiccup. */
const MANY_FAILURES = 3;

/** A target that answers each message with an error, which is no error of the drain's. */
function nothingSucceeds({ reports, targetIsDown }: Known): Finding | undefined {
  const succeeded = ({ acked, rejected, deadLettered }: Report): boolean =>
    acked + rejected + deadLettered > 0;
  const since = reports.slice(reports.findLastIndex(succeeded) + 1);
  const count = since.reduce((total, { retried, exhausted }) => total + retried + exhausted, 0);
  if (targetIsDown || count < MANY_FAILURES) return undefined;
  return {
    code: "nothing-succeeds",
    message:
      `In the last ${since.length} drains ${messages(count)} failed and none succeeded: what the handler ` +
      "calls, the target of a Worker, is down or refuses everything. What is thrown is in the findings of " +
      "the drain and in its log; ask the target itself for what it answers.",
  };
}

/** Drains that bring more than they handle give it back, each time for a delivery. */
function pace({ facts, reports }: Known): Finding | undefined {
  const { maxDeliver = 0 } = facts;
  const sum = (count: "fetched" | "acked" | "rejected" | "deadLettered" | "released"): number =>
    reports.reduce((total, report) => total + report[count], 0);
  const handled = sum("acked") + sum("rejected") + sum("deadLettered");
  const deliveries = sum("fetched") / Math.max(1, handled);
  if (!limited(maxDeliver) || sum("released") === 0 || 2 * deliveries < maxDeliver) return undefined;
  return {
    code: "max-deliver-pace",
    message:
      `In the last ${reports.length} drains a message took ${deliveries.toFixed(1)} deliveries on average, ` +
      `as most were given back unhandled, and max deliver is ${maxDeliver}: it runs out before the backlog ` +
      "does. Lower the batch, or raise the limit or the concurrency, too.",
    mend: edit(facts, `--max-deliver ${Math.max(20, Math.ceil(10 * deliveries))}`),
  };
}

function full({ facts, counts }: Known): Finding | undefined {
  const { maxAckPending = 0 } = facts;
  if (!limited(maxAckPending) || counts.unacked < maxAckPending) return undefined;
  return {
    code: "ack-pending-full",
    message:
      `${messages(counts.unacked)} delivered and not settled, as many as max_ack_pending allows: nothing ` +
      "more is delivered until some are, or until their ack wait is over.",
    mend: edit(facts, `--max-pending ${2 * maxAckPending}`),
  };
}

function paused({ facts: { stream, consumer }, counts }: Known): Finding | undefined {
  if (!counts.paused) return undefined;
  return {
    code: "consumer-paused",
    message: "The consumer is paused: it delivers nothing.",
    mend: `nats consumer resume ${quote(stream)} ${quote(consumer)} --force`,
  };
}

/** One that failed may be a hiccup. */
function failing({ reports }: Known): Finding | undefined {
  const [before, last] = reports.slice(-2);
  if (!before || !last || before.outcome === "completed" || last.outcome === "completed") return undefined;
  return {
    code: "last-drains-failed",
    message: `The last drain, of ${last.startedAt}, ended ${last.reason}: ${last.message}`,
  };
}

function messages(count: number): string {
  return count === 1 ? "1 message" : `${count} messages`;
}
