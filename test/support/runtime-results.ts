// What the conformance suites came to on each runtime: `npm run test:runtimes` writes it, and docs/platforms.md has its table.
import { readFileSync, writeFileSync } from "node:fs";

/** One runtime's run of the suites. */
export interface RuntimeResult {
  readonly name: string;
  readonly version: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

const FILE = new URL("../runtimes/results.json", import.meta.url);

export function readResults(): RuntimeResult[] {
  return JSON.parse(readFileSync(FILE, "utf8"));
}

export function writeResults(results: readonly RuntimeResult[]): void {
  writeFileSync(FILE, `${JSON.stringify(results, undefined, 2)}\n`);
}

/** The table of docs/platforms.md. */
export function runtimeTable(results: readonly RuntimeResult[]): string {
  const rows = results.map((result) => {
    const { name, version, passed, failed, skipped } = result;
    const socket = name === "workerd" ? "its own, by `fetch`" : "`ws`";
    const others = [failed > 0 ? `, ${failed} failed` : "", skipped > 0 ? `, ${skipped} skipped` : ""].join(
      "",
    );
    return `| ${name} | ${version} | ${socket} | ${passed} passed${others} |`;
  });
  return ["| runtime | version | WebSocket | conformance tests |", "|---|---|---|---|", ...rows].join("\n");
}
