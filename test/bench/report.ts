// How the figures are shown: a table for a reader, with the targets met or not.
import { formatTable } from "../../src/demo/table.ts";
import type { Row } from "./bench.ts";

/** The table, and below it how many targets were met. */
export function formatReport(rows: readonly Row[]): string {
  const cells = rows.map((row) => [
    row.what,
    row.sluice,
    row.peer,
    row.got ?? "",
    row.target ?? "",
    verdict(row),
  ]);
  const judged = rows.filter(({ met }) => met !== undefined);
  const met = judged.filter((row) => row.met).length;
  const table = formatTable(["measure", "sluice", "nats.js or floor", "figure", "must reach", ""], cells);
  return `${table.map((line) => line.trimEnd()).join("\n")}\n\n${met} of ${judged.length} targets met\n`;
}

function verdict({ met }: Row): string {
  if (met === undefined) return "";
  return met ? "met" : "MISSED";
}
