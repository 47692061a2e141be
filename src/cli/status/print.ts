// A consumer's status as text for a terminal. Pure.
import type { Report } from "../../index.ts";
import type { ConsumerState } from "../../observe/prometheus.ts";
import { columns, printable } from "../terminal.ts";

/** What is known of a consumer. */
export interface Status {
  /** When it was asked, ISO 8601. */
  readonly at: string;
  readonly state: ConsumerState;
  /** Oldest first; undefined where no history is kept. */
  readonly reports: readonly Report[] | undefined;
}

/** Reports shown: what fits a screen beside the rest. */
const MAX_ROWS = 10;

/** The lines. */
export function statusLines({ at, state, reports }: Status): readonly string[] {
  const { stream, consumer, pending, unacked, redelivered, waiting } = state;
  return [
    `${printable(stream)} / ${printable(consumer)}, ${at}`,
    `pending ${pending}, unacked ${unacked}, redelivered ${redelivered}, waiting pulls ${waiting}`,
    "",
    ...drainLines(reports),
  ];
}

function drainLines(reports: readonly Report[] | undefined): readonly string[] {
  if (reports === undefined) return ["No history: give --bucket, or set HISTORY_BUCKET."];
  const last = reports.at(-1);
  if (last === undefined)
    return ["The history has no report: no drain has ended yet, or there is no such bucket (sluice doctor)."];
  const head = ["started", "outcome", "reason", "fetched", "acked", "ms"];
  const rows = reports.slice(-MAX_ROWS).map(rowOf).reverse();
  const findings = last.findings.map(({ code, message, mend }) =>
    printable(`${code}: ${message}${mend === undefined ? "" : ` Mend: ${mend}`}`),
  );
  return [...columns([head, ...rows]), "", `Last: ${printable(last.message)}`, ...findings];
}

function rowOf({ startedAt, outcome, reason, fetched, acked, timings }: Report): readonly string[] {
  return [startedAt, outcome, reason, String(fetched), String(acked), String(Math.round(timings.totalMs))];
}
