// The reports of drains that ran side by side as one. Pure.
import type { Outcome, Reason } from "./reasons.ts";
import { COUNT_NAMES, type DeadLetters, type Finding, type Report } from "./report.ts";

/** What several drains of one consumer came to: the counts add up, and the worst outcome rules. */
export interface MergedReport extends Report {
  /** Each drain's own report, the caller's first. */
  readonly drains: readonly Report[];
}

const SUMMED = [...COUNT_NAMES, "heartbeats"] as const;

const SEVERITY: Readonly<Record<Outcome, number>> = { completed: 0, retryable: 1, fatal: 2 };
/** Of drains that completed, the one that left the most says how they did; the others are alike. */
const LEFT: Partial<Readonly<Record<Reason, number>>> = { "max-wait": 1, "batch-full": 2, deadline: 3 };

/**
 * One report of them all: counts add up, the worst outcome rules with its reason and message, the
 * longest `retryAfterMs` holds, and `pending` is what was last heard.
 *
 * @param own the report of the drain that called the others
 * @param totalMs from its start until all had ended, in milliseconds
 */
export function mergeReports(own: Report, others: readonly Report[], totalMs: number): MergedReport {
  const drains = [own, ...others];
  const sums = Object.fromEntries(SUMMED.map((count) => [count, sumOf(drains, count)]));
  const waits = drains.flatMap(({ retryAfterMs }) => retryAfterMs ?? []);
  const pending = pendingOf(drains);
  const deadLetters = deadLettersOf(drains);
  const { outcome, reason, message } = drains.toSorted((a, b) => rank(b) - rank(a))[0] ?? own;
  const { retryAfterMs: _wait, pending: _pending, ...first } = own;
  return {
    ...first,
    outcome,
    reason,
    message,
    ...(waits.length > 0 ? { retryAfterMs: Math.max(...waits) } : {}),
    ...sums,
    ...(pending === undefined ? {} : { pending }),
    more: (pending ?? 0) > 0 || drains.some(({ released }) => released > 0),
    timings: { ...own.timings, totalMs: Math.round(totalMs * 10) / 10 },
    findings: findingsOf(drains),
    ...(deadLetters.length > 0 ? { deadLetters } : {}),
    drains,
  };
}

function sumOf(drains: readonly Report[], count: (typeof SUMMED)[number]): number {
  return drains.reduce((total, report) => total + report[count], 0);
}

/**
 * What was heard last. A drain that found nothing left may only know what its last delivery said,
 * which others have had since: it is asked where no other tells.
 */
function pendingOf(drains: readonly Report[]): number | undefined {
  const told = drains.filter(({ pending }) => pending !== undefined).toSorted((a, b) => endOf(b) - endOf(a));
  return (told.find(({ reason, pending }) => reason !== "empty" || pending === 0) ?? told[0])?.pending;
}

function rank({ outcome, reason }: Report): number {
  return 10 * SEVERITY[outcome] + (LEFT[reason] ?? 0);
}

function endOf({ startedAt, timings }: Report): number {
  return Date.parse(startedAt) + timings.totalMs;
}

/** What several drains found alike is said once. */
function findingsOf(drains: readonly Report[]): Finding[] {
  const all = drains.flatMap(({ findings }) => findings);
  return [...new Map(all.map((finding) => [`${finding.code} ${finding.message}`, finding])).values()];
}

/** Dead letters of several reports, by reason. */
export function deadLettersOf(reports: readonly Report[]): DeadLetters[] {
  const counts = new Map<string, number>();
  for (const { reason, count } of reports.flatMap(({ deadLetters }) => deadLetters ?? []))
    counts.set(reason, (counts.get(reason) ?? 0) + count);
  return Array.from(counts, ([reason, count]) => ({ reason, count }));
}
