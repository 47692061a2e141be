// What a drain carries in its report at no extra round trip: what its consumer refuses of its pull
// requests, and what else is wrong with it. Pure.
import type { ConsumerFacts } from "./facts.ts";
import { CONSUMER_RULES } from "./preflight-consumer.ts";
import type { PreflightPlan } from "./preflight-facts.ts";
import { edit, isBelow, judge, limited, type Rule, show } from "./preflight-rule.ts";
import type { Finding } from "./report.ts";

/** The drain's options, as far as they are judged. */
interface JudgedOptions
  extends Pick<PreflightPlan, "batch" | "maxBytes" | "deadLetter" | "handlerTimeoutMs"> {
  readonly stream: string;
  readonly consumer: string;
}

/**
 * All that a drain can surely say from what came with its sign-in. It cannot of max deliver without a
 * limit, which is nats-server's default, nor of the time between two drains, of which its limit is the
 * least.
 */
export function preflightInReport(
  facts: ConsumerFacts | undefined,
  { stream, consumer, batch, maxBytes, deadLetter, handlerTimeoutMs }: JudgedOptions,
  { maxWaitMs, limitMs }: Pick<PreflightPlan, "maxWaitMs" | "limitMs">,
): Finding[] {
  if (!facts) return [];
  const { maxDeliver = -1, maxRequestBytes, ...rest } = facts;
  const config = { ...rest, maxDeliver, maxBytes: maxRequestBytes, stream, consumer };
  const plan = { batch, maxBytes, maxWaitMs, limitMs, deadLetter, handlerTimeoutMs };
  return judge({ ...CONSUMER_RULES, ...REQUEST_RULES }, config, plan);
}

/** The limits that a consumer can set to one pull request. */
export const REQUEST_RULES: Readonly<Record<string, Rule>> = {
  "max-batch": (facts, { batch }) =>
    limited(facts.maxBatch) && isBelow(facts.maxBatch, batch)
      ? {
          message:
            `The consumer takes no pull above ${facts.maxBatch} messages, and the batch is ` +
            `${batch}: such a pull is refused.`,
          mend: edit(facts, `--max-pull-batch ${batch}`),
        }
      : undefined,
  "max-expires": (facts, { maxWaitMs }) =>
    limited(facts.maxExpiresMs) && isBelow(facts.maxExpiresMs, maxWaitMs)
      ? {
          message:
            `The consumer takes no pull above ${show(facts.maxExpiresMs)}, and max wait is ` +
            `${show(maxWaitMs)}: such a pull is refused.`,
          mend: edit(facts, `--max-pull-expire ${show(maxWaitMs)}`),
        }
      : undefined,
  "max-bytes": (facts, { maxBytes }) =>
    limited(facts.maxBytes) && isBelow(facts.maxBytes, maxBytes)
      ? {
          message:
            `The consumer takes no pull above ${facts.maxBytes} bytes, and a drain asks for ` +
            `${maxBytes}: such a pull is refused.`,
          mend: edit(facts, `--max-pull-bytes ${maxBytes}`),
        }
      : undefined,
};
