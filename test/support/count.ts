// What a run, or several together, came to: the numbers of its last line, and what must be said before it.
import { appendFileSync, readFileSync } from "node:fs";

export interface Count {
  passed: number;
  failed: number;
  skipped: number;
  /** What failed, and how: printed once more at the end, where a long log is read first. */
  failures: string[];
  /** What passed when it was tried again, and not before. */
  retried: string[];
}

export function noCount(): Count {
  return { passed: 0, failed: 0, skipped: 0, failures: [], retried: [] };
}

export function sum(counts: readonly Count[]): Count {
  return counts.reduce(
    (total, count) => ({
      passed: total.passed + count.passed,
      failed: total.failed + count.failed,
      skipped: total.skipped + count.skipped,
      failures: [...total.failures, ...count.failures],
      retried: [...total.retried, ...count.retried],
    }),
    noCount(),
  );
}

/** Prints the last lines of a run, and fails the process when the run has failed. */
export function conclude(count: Count): void {
  for (const failure of count.failures) console.log(`failed: ${failure}`);
  for (const name of count.retried) console.log(`passed when tried again: ${name}`);
  console.log(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
  process.exitCode = count.failed > 0 || count.passed === 0 ? 1 : 0;
}

/** Adds a count to a file of them, one a line. */
export function writeCount(file: string, count: Count): void {
  appendFileSync(file, `${JSON.stringify(count)}\n`);
}

/** The counts of a file, none when it is not there. */
export function readCounts(file: string): Count[] {
  try {
    const lines = readFileSync(file, "utf8").split("\n").filter(Boolean);
    return lines.map((line) => JSON.parse(line) as Count); // writeCount() wrote them
  } catch {
    return [];
  }
}
