// What a drain sees of its consumer from what came with its sign-in, and so a line of its report: what
// loses or repeats messages. Every Worker carries these, so that they say it in few words. Pure.
import { edit, isBelow, limited, type Rule, show } from "./preflight-rule.ts";

/**
 * Below it a few failures in a row, or a few drains that end before a message's turn, use up its
 * deliveries. A dead letter takes what is used up.
 */
const FEW_DELIVERIES = { withDeadLetter: 3, without: 5 } as const;
/** nats-server's own. */
const DEFAULT_ACK_WAIT_MS = 30_000;

export const CONSUMER_RULES: Readonly<Record<string, Rule>> = {
  "inactive-threshold": (facts, { limitMs, betweenRunsMs = limitMs }) =>
    facts.inactiveThresholdMs && betweenRunsMs !== undefined && facts.inactiveThresholdMs <= betweenRunsMs
      ? {
          message:
            `The server deletes the consumer after ${show(facts.inactiveThresholdMs)} (inactive_threshold) ` +
            `without a drain, and ${show(betweenRunsMs)} lie between two.`,
          mend: edit(facts, `--inactive-threshold ${show(10 * betweenRunsMs)}`),
        }
      : undefined,
  "ack-wait": (facts, { handlerTimeoutMs }) =>
    isBelow(facts.ackWaitMs, handlerTimeoutMs) && !facts.backoffMs?.length
      ? {
          message:
            `The ack wait is ${show(facts.ackWaitMs)}, and a handler may take ${show(handlerTimeoutMs)}: ` +
            "when an in-progress is lost, a second handler gets the message beside the first.",
          mend: edit(facts, `--wait ${show(2 * (handlerTimeoutMs ?? 0))}`),
        }
      : undefined,
  "backoff-replaces-ack-wait": (facts, { handlerTimeoutMs = DEFAULT_ACK_WAIT_MS }) =>
    facts.backoffMs?.length
      ? {
          message:
            `The backoff replaces the ack wait: a first delivery has ${show(facts.backoffMs[0])}. A drain ` +
            "has its own retry delay.",
          mend: edit(facts, `--backoff none --wait ${show(2 * handlerTimeoutMs)}`),
        }
      : undefined,
  "max-deliver-few": (facts, { batch = "many", deadLetter }) =>
    limited(facts.maxDeliver) &&
    isBelow(facts.maxDeliver, FEW_DELIVERIES[deadLetter ? "withDeadLetter" : "without"])
      ? {
          message:
            `Max deliver is ${facts.maxDeliver}, too few for a batch of ${batch}: each message that ` +
            "arrives costs a delivery, handled or not, and an outage one per drain. What has used it up " +
            "is never delivered again.",
          mend: edit(facts, "--max-deliver 10"),
        }
      : undefined,
  "max-deliver-below-dead-letter": (facts, { deadLetter }) =>
    limited(facts.maxDeliver) && isBelow(facts.maxDeliver, deadLetter?.maxDeliveries)
      ? {
          message:
            `Max deliver is ${facts.maxDeliver}, and a message becomes a dead letter at ` +
            `${deadLetter?.maxDeliveries} deliveries: none is in reserve, should that fail.`,
          mend: edit(facts, `--max-deliver ${2 * (deadLetter?.maxDeliveries ?? 5)}`),
        }
      : undefined,
  "max-ack-pending": (facts, { batch, drains = 1 }) =>
    limited(facts.maxAckPending) && batch !== undefined && isBelow(facts.maxAckPending, batch * drains)
      ? {
          message:
            `Max ack pending is ${facts.maxAckPending}, below ${drains} x ${batch} messages of a batch: ` +
            "the server holds back what is above it, until others are settled.",
          mend: edit(facts, `--max-pending ${batch * drains}`),
        }
      : undefined,
  "headers-only": (facts) =>
    facts.headersOnly
      ? {
          message: "The consumer delivers headers only: every body is empty.",
          mend: edit(facts, "--no-headers-only"),
        }
      : undefined,
};
