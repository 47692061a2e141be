// Holds what one reads in the house at a glance: small files, few of them at the top, folders that know only those
// below, and the project's own words in code, documents, help and the names of tests.
import { globSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";

const ROOT = dirname(import.meta.dirname);
const SRC = new URL("../src/", import.meta.url).pathname;
const GENERATED = "worker/worker-configuration.d.ts";

/** From the top down: a room imports from those below it, types counted, and rooms of one row know nothing of each other. */
const ORDER: readonly (readonly string[])[] = [
  ["cli", "testing", "worker"],
  // Doctor reads the Worker's vars as the Worker does.
  ["vars"],
  ["dashboard"],
  ["triggers", "demo"],
  ["index.ts"],
  ["drain.ts"],
  ["run.ts"],
  ["assemble.ts"],
  ["stop.ts"],
  ["validate.ts"],
  ["options.ts"],
  ["handle"],
  ["settle"],
  ["fetch"],
  ["observe"],
  ["connection"],
  ["message"],
  ["report"],
  ["budget.ts", "checks.ts", "deadline.ts"],
];

/** The files of src, as paths from there. */
const files = readdirSync(SRC, { recursive: true, encoding: "utf8" }).filter((path) => /\.tsx?$/.test(path));

const roomOf = (path: string): string => path.split("/")[0] ?? path;
const rowOf = (room: string): number => ORDER.findIndex((row) => row.includes(room));

/** Every import of one room by another, as `from -> to`. */
function arrows(): string[] {
  const all = files.flatMap((file) => {
    const source = readFileSync(join(SRC, file), "utf8");
    const imported = source.matchAll(/\b(?:from|import)\s*\(?\s*"(\.[^"]+)"/g);
    return Array.from(imported, ([, path = ""]) => `${roomOf(file)} -> ${roomOf(join(dirname(file), path))}`);
  });
  return [...new Set(all)].filter((arrow) => arrow.split(" -> ")[0] !== arrow.split(" -> ")[1]).sort();
}

test("src: no file has more than 300 lines", () => {
  const long = files
    .filter((path) => path !== GENERATED)
    .map((path) => ({ path, lines: readFileSync(join(SRC, path), "utf8").split("\n").length - 1 }))
    .filter(({ lines }) => lines > 300);
  expect(long).toEqual([]);
});

test("src: run.ts, which is the story of a drain, has less than 150 lines", () => {
  expect(readFileSync(join(SRC, "run.ts"), "utf8").split("\n").length - 1).toBeLessThan(150);
});

test("src: no line has more than 110 columns", () => {
  // A URL cannot be broken.
  const wide = files
    .filter((path) => path !== GENERATED)
    .flatMap((path) =>
      readFileSync(join(SRC, path), "utf8")
        .split("\n")
        .map((line, at) => `${path}:${at + 1}: ${line}`),
    )
    .filter((line) => line.replace(/^\S+ /, "").length > 110 && !/^\S+ +\*? *https:\S+$/.test(line));
  expect(wide).toEqual([]);
});

test("src, test, examples: no literal is spread inside a literal, which turns off the check for excess properties", () => {
  const spread = written.filter(
    (path) => !path.endsWith(".md") && readFileSync(join(ROOT, path), "utf8").includes("...{ "),
  );
  expect(spread).toEqual([]);
});

test("src: at most 10 files stand at the top", () => {
  expect(files.filter((path) => !path.includes("/")).length).toBeLessThanOrEqual(10);
});

test("src: each folder, and each file at the top, has its place in the order", () => {
  expect([...new Set(files.map(roomOf))].filter((room) => rowOf(room) === -1)).toEqual([]);
});

test("src: imports point downwards only", () => {
  const upwards = arrows().filter((arrow) => {
    const [from = "", to = ""] = arrow.split(" -> ");
    return rowOf(from) >= rowOf(to);
  });
  expect(upwards).toEqual([]);
});

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

const written = ["src", "test", "docs", "examples"]
  .flatMap((folder) => globSync(`${folder}/**/*.{ts,tsx,md}`, { cwd: ROOT, exclude: ["**/node_modules"] }))
  .concat(globSync("*.md", { cwd: ROOT }))
  // This file and the changelog have to name them, and docs/api is made from src.
  .filter((path) => !["test/house.test.ts", "CHANGELOG.md"].includes(path) && !path.startsWith("docs/api/"));

test.each(INSTEAD)("the project's words: no file has %s", (pattern) => {
  const found = written.flatMap((path) =>
    readFileSync(join(ROOT, path), "utf8")
      .split("\n")
      .flatMap((line, at) => (pattern.test(line) ? [`${path}:${at + 1}: ${line.trim()}`] : [])),
  );
  expect(found).toEqual([]);
});
