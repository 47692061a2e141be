// Reports and drains for the triggers' tests: a drain that only writes down what it was given.
import type { Drain, RunInput } from "../../src/drain.ts";
import { ending, type Reason } from "../../src/report/reasons.ts";
import { makeReport, type Report } from "../../src/report/report.ts";

/** The report of a drain that ended with `reason`. */
export function reportOf(reason: Reason, more = false): Report {
  return makeReport(ending(reason, "Detail."), {
    stream: "ORDERS",
    consumer: "billing",
    fetched: 2,
    acked: 1,
    retried: 1,
    rejected: 0,
    deadLettered: 0,
    released: 0,
    exhausted: 0,
    unconfirmed: 0,
    pending: 0,
    more,
    heartbeats: 0,
    startedAt: "2025-11-22T18:20:00.000Z",
    timings: { totalMs: 50 },
    findings: [],
  });
}

export type FakeDrain<Env> = Drain<Env> & { readonly inputs: RunInput<Env>[] };

export function fakeDrain<Env>(reason: Reason = "empty", more = false): FakeDrain<Env> {
  const inputs: RunInput<Env>[] = [];
  const run: Drain<Env>["run"] = async (input) => {
    inputs.push(input);
    return reportOf(reason, more);
  };
  return { inputs, run };
}
