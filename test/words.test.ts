// The project's words, in code, documents, help and the names of tests: a metaphor has the field's own term beside it.
import { globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";

const ROOT = dirname(import.meta.dirname);

/** What is not written, and what is written in its place. */
const INSTEAD: readonly (readonly [RegExp, string])[] = [
  [/\b(?:bury|buries|buried|burying)\b|#bury/i, "dead-letter"],
  [/\bburn(?:s|t|ed|ing)?\b/i, "use up"],
  [/'s (?:own |last )?word\b/i, "what it says"],
  [/\babortion\b/i, "onceAborted"],
  [/\b(?:Finisher|SettledAs|HandledAs)\b/, "Settler, Count"],
  [/\b(?:LEAST|MOST|LONGEST|SHORTEST)_[A-Z]/, "MIN_, MAX_"],
  [/\b(?:one|once|twice|entry|times|line of JSON|span) an? (?:message|drain|batch|Fetch|handler)\b/, "per"],
  [/\b(?:undertaker|graveyard|corpse|zombie)\b/i, "what it is"],
];

const files = ["src", "test", "docs", "examples"]
  .flatMap((folder) => globSync(`${folder}/**/*.{ts,tsx,md}`, { cwd: ROOT, exclude: ["**/node_modules"] }))
  .concat(globSync("*.md", { cwd: ROOT }))
  // This file has to name them, and docs/api is made from src.
  .filter((path) => path !== "test/words.test.ts" && !/^(docs\/api|test\/bench)\//.test(path));

test.each(INSTEAD)("no file has %s", (pattern) => {
  const found = files.flatMap((path) =>
    readFileSync(join(ROOT, path), "utf8")
      .split("\n")
      .flatMap((line, at) => (pattern.test(line) ? [`${path}:${at + 1}: ${line.trim()}`] : [])),
  );
  expect(found).toEqual([]);
});
