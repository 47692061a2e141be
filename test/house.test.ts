// Holds what one reads in the house at a glance: small files, and few of them at the top.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const SRC = new URL("../src/", import.meta.url).pathname;
const GENERATED = "worker/worker-configuration.d.ts";

/** The files of src, as paths from there. */
const files = readdirSync(SRC, { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".ts"));

test("src: no file has more than 300 lines", () => {
  const long = files
    .filter((path) => path !== GENERATED)
    .map((path) => ({ path, lines: readFileSync(join(SRC, path), "utf8").split("\n").length - 1 }))
    .filter(({ lines }) => lines > 300);
  expect(long).toEqual([]);
});

test("src: at most 10 files stand at the top", () => {
  expect(files.filter((path) => !path.includes("/")).length).toBeLessThanOrEqual(10);
});
