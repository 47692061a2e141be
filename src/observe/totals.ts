// Running totals of a consumer's drains: each record of the history carries those up to it, because
// the history itself forgets, and a counter must not fall. Pure.
import { REASONS } from "../report/reasons.ts";
import { COUNT_NAMES, type Counts, NO_COUNTS, type Report } from "../report/report.ts";

/** The most values that a bucket keeps of one key (nats-server and ADR-8). */
export const MAX_REPORTS = 64;

/** Upper bounds in seconds: from a drain that finds nothing to the longest that platforms allow. */
export const BUCKETS: readonly number[] = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 60, 300, 900];

/** What became of the deliveries, as totals have it. */
export type Result = Exclude<keyof Counts, "fetched">;

/** In the order in which metrics have them. */
export const RESULTS: readonly Result[] = COUNT_NAMES.filter((name) => name !== "fetched");

/** Sums over every drain of a consumer since its first record. */
export interface Totals {
  /** Drains by reason. */
  readonly drains: Readonly<Record<string, number>>;
  /** Deliveries by what became of them. */
  readonly messages: Readonly<Record<Result, number>>;
  /**
   * Drains by how long they took: up to 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 60, 300 and 900 s, each
   * beyond the one before, and longer.
   */
  readonly durations: readonly number[];
  /** How long all of them took, in milliseconds. */
  readonly totalMs: number;
}

const { fetched: _, ...NO_MESSAGES } = NO_COUNTS;

const NONE: Totals = {
  drains: {},
  messages: NO_MESSAGES,
  durations: [...BUCKETS, 0].map(() => 0),
  totalMs: 0,
};

/** The totals with one more report. */
export function addReport(totals: Totals | undefined, report: Report): Totals {
  const { drains, messages, durations, totalMs } = totals ?? NONE;
  const { reason, timings } = report;
  const at = BUCKETS.findIndex((bound) => timings.totalMs <= bound * 1_000);
  const bucket = at < 0 ? BUCKETS.length : at;
  const more = RESULTS.map((result) => [result, messages[result] + report[result]] as const);
  return {
    // A report may be anybody's, and its reason the name of what every object has.
    drains: { ...drains, [reason]: (Object.hasOwn(drains, reason) ? (drains[reason] ?? 0) : 0) + 1 },
    messages: Object.fromEntries(more) as Record<Result, number>, // of each result
    durations: durations.map((count, each) => count + Number(each === bucket)),
    totalMs: Math.round(totalMs + timings.totalMs),
  };
}

/** Totals as a record of the history has them; undefined where they are not what they should be. */
export function readTotals(value: unknown): Totals | undefined {
  const { drains, messages, durations, totalMs }: Record<string, unknown> = { ...(value as object | null) };
  const told = { ...(messages as object | null) } as Record<string, unknown>;
  const counted = Object.entries({ ...(drains as object | null) }).filter(([reason]) =>
    Object.hasOwn(REASONS, reason),
  );
  const numbers = [...RESULTS.map((result) => told[result]), ...counted.map(([, count]) => count), totalMs];
  const buckets: unknown[] = Array.isArray(durations) ? durations : [];
  if (buckets.length !== NONE.durations.length || ![...numbers, ...buckets].every(isCount)) return undefined;
  const known: unknown = { drains: Object.fromEntries(counted), messages: told, durations: buckets, totalMs };
  return known as Totals; // every number has been looked at
}

/** What can be counted or measured. */
export function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}
