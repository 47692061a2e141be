// What a drain's caller makes of the answer: the report, or one that says that none came.
import type { Backlog, Report } from "../index.ts";
import { COUNT_NAMES, NO_COUNTS } from "../report/report.ts";

/**
 * The report in an answer of another invocation, without what problem details add, or a merge of it
 * alone; undefined where there is none. It is of the same account, so that only its shape is looked
 * at; what a bucket has, which others may write to, observe/history-record.ts reads member by member.
 */
export function reportIn(answer: unknown): Report | undefined {
  if (typeof answer !== "object" || answer === null) return undefined;
  const {
    type: _,
    title: _title,
    status: _status,
    detail: _detail,
    drains: _drains,
    ...report
  } = answer as Record<string, unknown>;
  const { outcome, reason, findings, timings } = report;
  const known = outcome === "completed" || outcome === "retryable" || outcome === "fatal";
  const whole = typeof reason === "string" && Array.isArray(findings) && typeof timings === "object";
  const counted = COUNT_NAMES.every((count) => Number.isInteger(report[count]));
  return known && whole && counted ? (report as unknown as Report) : undefined; // as its own Worker wrote it
}

/**
 * The report of a drain that told none. What it did is not known: what it has settled is settled,
 * and the rest comes again after its ack wait.
 */
export function lostReport(
  why: string,
  { stream, consumer }: Pick<Backlog, "stream" | "consumer">,
  startedAt: Date,
): Report {
  const message = `A drain that this one had called gave no report: ${why}.`;
  return {
    outcome: "retryable",
    reason: "connection-lost",
    message,
    retryAfterMs: 1_000,
    stream,
    consumer,
    ...NO_COUNTS,
    more: false,
    heartbeats: 0,
    startedAt: startedAt.toISOString(),
    timings: { totalMs: Date.now() - startedAt.getTime() },
    findings: [{ code: "drain-lost", message }],
  };
}
