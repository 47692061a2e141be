// What doctor says: for a terminal, or as one JSON object.
import type { Budget } from "../../budget.ts";
import { columns, jsonLine, printable } from "../terminal.ts";
import type { Diagnosis } from "./diagnosis.ts";

/** The whole of the timeline, in characters. */
const WIDTH = 60;

export function print(diagnosis: Diagnosis, isJson: boolean): void {
  const lines = isJson ? [jsonLine(diagnosis)] : inWords(diagnosis);
  process.stdout.write(`${lines.join("\n")}\n`);
}

function inWords({ findings, budget, report }: Diagnosis): string[] {
  const told = findings.flatMap(({ code, message, mend }) => [
    `✗ ${code}: ${printable(message)}`,
    ...(mend === undefined ? [] : [`    ${printable(mend)}`]),
  ]);
  const fine = findings.length === 0 ? [`✓ ${report.message}`] : [];
  return [...(budget === null ? [] : timeline(budget)), ...told, ...fine];
}

/** The slices of the limit, one below the other, each where it begins. */
function timeline(budget: Budget): string[] {
  const { limitMs } = budget;
  const slices: [name: string, timeMs: number][] = [
    ["connect", budget.connectMs],
    ["max wait", budget.maxWaitMs],
    ["handle", budget.handleMs],
    ["settle", budget.settleMs],
    ["close", budget.closeMs],
  ];
  let begin = 0;
  const rows = slices.map(([name, timeMs]) => {
    const from = Math.round((begin / limitMs) * WIDTH);
    begin += timeMs;
    const to = Math.max(from + 1, Math.round((begin / limitMs) * WIDTH));
    return [name, `${timeMs} ms`, `${" ".repeat(from)}${"█".repeat(to - from)}`];
  });
  return columns([...rows, ["limit", `${limitMs} ms`]]);
}
