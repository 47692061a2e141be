// What the consumer refuses of a drain's pull requests: true whatever else is planned, and so a
// line of every report. Pure.
import type { ConsumerFacts } from "./facts.ts";
import type { ConsumerConfigFacts, PreflightPlan } from "./preflight-facts.ts";
import type { Finding } from "./report.ts";

/** A rule: says nothing where all is well, or where it cannot know. */
export type Rule = (facts: ConsumerConfigFacts, plan: PreflightPlan) => Omit<Finding, "code"> | undefined;

/** The drain's options, as far as they are judged. */
interface JudgedOptions extends Pick<PreflightPlan, "batch" | "maxBytes" | "deadLetter"> {
  readonly stream: string;
  readonly consumer: string;
}

/** Findings about the pull requests: all that a drain can surely say from what came with its sign-in. */
export function preflightInReport(
  facts: ConsumerFacts | undefined,
  { stream, consumer, batch, maxBytes, deadLetter }: JudgedOptions,
  { maxWaitMs, limitMs }: Pick<PreflightPlan, "maxWaitMs" | "limitMs">,
): Finding[] {
  if (!facts) return [];
  const { maxDeliver = -1, maxRequestBytes, ...rest } = facts;
  const config = { ...rest, maxDeliver, maxBytes: maxRequestBytes, stream, consumer };
  return judge(REQUEST_RULES, config, { batch, maxBytes, maxWaitMs, limitMs, deadLetter });
}

/** What each rule finds, under its name. */
export function judge(
  rules: Readonly<Record<string, Rule>>,
  facts: ConsumerConfigFacts,
  plan: PreflightPlan,
): Finding[] {
  return Object.entries(rules).flatMap(([code, rule]) => {
    const found = rule(facts, plan);
    return found ? [{ code, ...found }] : [];
  });
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

/** Both must be known. */
export function isBelow(value: number | undefined, wanted: number | undefined): boolean {
  return value !== undefined && wanted !== undefined && value < wanted;
}

/** JetStream's limits: 0 and -1 are none. */
export function limited(value: number | undefined): boolean {
  return value !== undefined && value > 0;
}

/** As `nats` takes it: `1500ms`, `30s`. */
export function show(timeMs: number | undefined): string {
  if (timeMs === undefined) return "unknown";
  return timeMs % 1_000 === 0 ? `${timeMs / 1_000}s` : `${Math.ceil(timeMs)}ms`;
}

export function edit({ stream, consumer }: ConsumerConfigFacts, flags: string): string {
  return `nats consumer edit ${quote(stream)} ${quote(consumer)} ${flags} --force`;
}

/** One word of a shell. */
export function quote(text: string): string {
  return /^[\w.@%+=:,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
