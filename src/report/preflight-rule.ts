// What a rule of preflight is, and what rules are made with. Pure.
import type { ConsumerConfigFacts, PreflightPlan } from "./preflight-facts.ts";
import type { Finding } from "./report.ts";

/** A rule: says nothing where all is well, or where it cannot know. */
export type Rule = (facts: ConsumerConfigFacts, plan: PreflightPlan) => Omit<Finding, "code"> | undefined;

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
