// A report, as a drain gives it, for tests of what is made of reports.
import { makeReport, type Report } from "../../src/report/report.ts";

/** A drain that completed with five messages; `own` replaces what differs. */
export function aReport(own: Partial<Report> = {}): Report {
  const report = makeReport(
    { reason: "empty", message: "Nothing is left of what was there." },
    {
      stream: "EVENTS",
      consumer: "sluice",
      fetched: 5,
      acked: 4,
      retried: 1,
      rejected: 0,
      deadLettered: 0,
      released: 0,
      exhausted: 0,
      unconfirmed: 0,
      pending: 0,
      more: false,
      heartbeats: 1,
      startedAt: "2026-11-25T06:00:00.000Z",
      timings: { connectMs: 20, firstMessageMs: 30, totalMs: 420 },
      findings: [],
    },
  );
  return { ...report, ...own };
}
