// The page of figures and its pictures, which one command writes from what a run has measured.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { SECTIONS, withFigures } from "./figures.ts";
import type { BenchResult } from "./result.ts";
import { barChart, dotsOverTime } from "./svg.ts";

const PAGE = readFileSync(new URL("../../docs/performance.md", import.meta.url), "utf8");
const RUN: BenchResult = {
  server: { version: "2.15.1" },
  machine: { cpus: 2, model: "CPU", node: "v24.0.0" },
  versions: { workerd: "1.0" },
  at: "2026-11-25T00:00:00.000Z",
  targets: [
    { what: "a", sluice: "1", peer: "2", got: "1", target: "1", met: true },
    { what: "b", sluice: "3", peer: "2", got: "3", target: "1", met: false },
  ],
};

test("docs/performance.md has each section once", () => {
  const marked = Array.from(PAGE.matchAll(/<!-- bench: (?!end -)([\w-]+) -->\n/g));
  expect(marked.map(([, name]) => name).toSorted()).toEqual(Object.keys(SECTIONS).toSorted());
});

test("a section that a run did not measure stays as it is", () => {
  const page = "<!-- bench: peers -->\nbefore\n<!-- bench: end -->\n";
  expect(withFigures(page, RUN)).toBe(page);
  const peers = [
    { name: "nats.go", case: "x", ms: 100, ratio: 0.9, sluiceMs: 90 },
    { name: "FastStream", case: "x", ms: null, ratio: null, sluiceMs: null, skipped: "python3 is not here" },
  ] as const;
  expect(withFigures(page, { ...RUN, peers })).toContain(
    "| x, nats.go | 90 ms | 100 ms | 0.90 x |\n| x, FastStream |  | skipped: python3 is not here |  |",
  );
});

test("docs/performance.md names the targets that the run missed", () => {
  const page = withFigures(
    "<!-- bench: run -->\n<!-- bench: end -->\n<!-- bench: missed -->\n<!-- bench: end -->",
    RUN,
  );
  expect(page).toContain("It met 1 of 2 targets.");
  expect(page).toContain("| b | 3 | 2 | 3 | 1 |");
  expect(page).not.toContain("| a |");
});

test("a picture shows each value, and nothing of a text is markup", () => {
  const picture = { title: "a < b", description: "c & d" };
  const bars = barChart(picture, "a second", [{ label: "1", value: 1_500, note: "" }]);
  expect(bars).toContain(">1,500</text>");
  expect(bars).toContain("a &lt; b");
  const points = [
    { seconds: 1, ms: 0.5 },
    { seconds: 12, ms: 40 },
  ];
  const dots = dotsOverTime(picture, points, { p50Ms: 0.5, p99Ms: 40, everySeconds: 10 });
  expect(dots.match(/<circle/g)).toHaveLength(2);
  expect(dots).toContain("p99 40 ms");
  expect(dots).toContain(">20 s</text>");
});
