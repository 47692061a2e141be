// What was found, as one diagnosis. Pure, but for the time of day.
import type { Budget } from "../../budget.ts";
import type { ConsumerCounts } from "../../observe/known.ts";
import { mendOf } from "../../observe/mend.ts";
import { type Ending, REASONS } from "../../report/reasons.ts";
import { type Finding, makeReport, NO_COUNTS } from "../../report/report.ts";
import type { Diagnosis } from "./diagnosis.ts";
import type { DoctorSettings } from "./settings.ts";

/** What was found. */
interface Found {
  readonly budget?: Budget;
  readonly settings?: DoctorSettings;
  readonly findings?: readonly Finding[];
  /** Each ends a drain. */
  readonly endings?: readonly (Ending & { readonly mend?: string })[];
  /** Ends a drain, too, and is one of the findings already. */
  readonly end?: Ending;
  readonly counts?: Pick<ConsumerCounts, "pending"> | undefined;
}

/** The gravest ending says how a drain would end. */
export function diagnose({
  budget,
  settings,
  findings = [],
  endings = [],
  counts,
  ...found
}: Found): Diagnosis {
  const isFatal = ({ reason }: Ending): boolean => REASONS[reason].outcome === "fatal";
  const told = endings.map(({ reason, message, mend = settings && mendOf(reason, settings) }): Finding => {
    return mend === undefined ? { code: reason, message } : { code: reason, message, mend };
  });
  const all = [...told, ...findings];
  const end = endings.find(isFatal) ?? found.end ?? endings[0] ?? FINE;
  const pending = counts === undefined ? {} : { pending: counts.pending };
  const report = makeReport(end, {
    stream: settings?.stream ?? "",
    consumer: settings?.consumer ?? "",
    ...NO_COUNTS,
    ...pending,
    more: (counts?.pending ?? 0) > 0,
    heartbeats: 0,
    startedAt: new Date().toISOString(),
    timings: { totalMs: 0 },
    findings: all,
  });
  return { ok: all.length === 0, findings: all, budget: budget ?? null, report };
}

const FINE: Ending = { reason: "empty", message: "A drain can do all that it needs." };
