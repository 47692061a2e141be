// docs/api is what the docstrings say now, and every public name has one.
import { execFile } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import manifest from "../../package.json" with { type: "json" };

const root = join(import.meta.dirname, "../..");
/** It takes 16 s of a core that it has for itself. */
const TYPEDOC_MS = 180_000;
const typedoc = join(import.meta.dirname, "node_modules/typedoc/bin/typedoc");

/** The pages of a folder, by their path in it. */
function pages(folder: string): Record<string, string> {
  const paths = globSync("**/*.md", { cwd: folder }).sort();
  return Object.fromEntries(paths.map((path) => [path, readFileSync(join(folder, path), "utf8")]));
}

test(
  "docs/api: is what `npm run docs` writes, and has a page for each entry of the package",
  async () => {
    const out = await mkdtemp(join(tmpdir(), "sluice-reference-"));
    try {
      // It fails where a public name has no docstring, or a link no target.
      const options = join(import.meta.dirname, "typedoc.json");
      await promisify(execFile)(process.execPath, [typedoc, "--options", options, "--out", out], {
        cwd: root,
      });
      const kept = pages(join(root, "docs/api"));
      expect(kept).toEqual(pages(out));
      const entries = Object.keys(manifest.exports).filter((entry) => entry !== "./package.json");
      expect(Object.keys(kept)).toEqual(
        ["README.md", ...entries.map((entry) => `${entry.replace(/^\./, "sluice")}.md`)].sort(),
      );
    } finally {
      await rm(out, { recursive: true, force: true });
    }
  },
  TYPEDOC_MS,
);
