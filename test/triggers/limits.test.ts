// docs/platforms.md has each preset as the code has it, below the platform's own limit, with its source.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { LIMITS_MS } from "../../src/triggers/fetch.ts";

const page = readFileSync(new URL("../../docs/platforms.md", import.meta.url), "utf8");
const section = page.split("## Limits\n")[1]?.split("\n## ")[0] ?? "";
const rows = section
  .split("\n")
  .filter((line) => line.startsWith("| `"))
  .map((line) => line.split("|").map((cell) => cell.trim()))
  .flatMap(([, presets = "", drain = "", limit = "", source = ""]) =>
    Array.from(presets.matchAll(/`(\w+)`/g), ([, preset = ""]) => ({ preset, drain, limit, source })),
  );

/** The first time that a cell states, in milliseconds. */
function firstMs(cell: string): number | undefined {
  const [, count, unit] = /(\d+) (s|min)\b/.exec(cell) ?? [];
  return count === undefined ? undefined : Number(count) * (unit === "s" ? 1_000 : 60_000);
}

describe("the table of limits", () => {
  it("has each preset once", () => {
    expect(rows.map(({ preset }) => preset).sort()).toEqual(Object.keys(LIMITS_MS).sort());
  });

  it.each(rows)("has $preset as the code has it, below the platform's own", ({ preset, drain, limit }) => {
    const limitMs = new Map<string, number>(Object.entries(LIMITS_MS)).get(preset) ?? 0;
    expect(firstMs(drain)).toBe(limitMs);
    expect(limitMs).toBeLessThan(firstMs(limit) ?? Number.POSITIVE_INFINITY);
  });

  it.each(rows)("has a source for $preset", ({ source }) => {
    expect(source).toMatch(/^\[.+\]\(https:\/\/.+\)$|^none: /);
  });
});
