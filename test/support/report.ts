// Reports, and drains for the triggers' tests: a drain that only writes down what it was given.
import type { Drain, RunInput } from "../../src/drain.ts";
import { ending, type Reason } from "../../src/report/reasons.ts";
import { makeReport, NO_COUNTS, type Report } from "../../src/report/report.ts";

/** The report of a drain of five messages that ended with `reason`; `own` replaces what differs. */
export function reportOf(reason: Reason = "empty", own: Partial<Report> = {}): Report {
  const facts = {
    ...NO_COUNTS,
    stream: "EVENTS",
    consumer: "sluice",
    fetched: 5,
    acked: 4,
    retried: 1,
    pending: 0,
    more: false,
    heartbeats: 1,
    startedAt: "2026-11-25T06:00:00.000Z",
    timings: { connectMs: 20, firstMessageMs: 30, totalMs: 420 },
    findings: [],
  };
  return { ...makeReport(ending(reason, "Detail."), facts), ...own };
}

export type FakeDrain<Env> = Drain<Env> & { readonly inputs: RunInput<Env>[] };

export function fakeDrain<Env>(reason: Reason = "empty", more = false): FakeDrain<Env> {
  const inputs: RunInput<Env>[] = [];
  const run: Drain<Env>["run"] = async (input) => {
    inputs.push(input);
    return reportOf(reason, { more });
  };
  return { inputs, run };
}
