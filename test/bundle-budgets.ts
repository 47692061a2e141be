// Holds each entry's bundle to a budget, in `npm run check`: what a Worker that imports it carries, minified and gzipped, without
// the peers. A budget is some tenth above what is measured; raise one only for what it buys.
import { globSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import manifest from "../package.json" with { type: "json" };

/** Bytes, by the entry's name. */
const BUDGETS: Readonly<Record<string, number>> = {
  sluice: 83_000,
  "sluice/hono": 2_800,
  "sluice/fetch": 3_000,
  "sluice/cloudflare": 3_400,
  "sluice/lambda": 700,
  "sluice/deno": 800,
  "sluice/qstash": 1_300,
  "sluice/dashboard": 63_000,
  "sluice/observe": 54_000,
  "sluice/opentelemetry": 1_300,
  "sluice/testing": 87_000,
};

const ROOT = fileURLToPath(new URL("..", import.meta.url));

async function sizeOf(entry: string): Promise<number> {
  const source = entry.replace("./dist/", "src/").replace(/\.js$/, ".{ts,tsx}");
  const { outputFiles } = await build({
    absWorkingDir: ROOT,
    entryPoints: globSync(source, { cwd: ROOT }),
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    target: "es2024",
    conditions: ["workerd", "worker", "browser"],
    // Node's socket stays out: a Worker never loads it.
    external: ["cloudflare:*", "node:*", "ws", "hono", "@opentelemetry/api"],
  });
  return gzipSync(outputFiles[0]?.contents ?? "").length;
}

const entries = Object.entries(manifest.exports).flatMap(([name, entry]) =>
  typeof entry === "string" ? [] : [[name.replace(/^\./, "sluice"), entry.default] as const],
);
for (const [name, entry] of entries) {
  const [size, budget = 0] = [await sizeOf(entry), BUDGETS[name]];
  if (size <= budget) continue;
  console.error(`${name}: ${size} bytes gzipped, more than its budget of ${budget} (test/bundle-budgets.ts)`);
  process.exitCode = 1;
}
for (const name of Object.keys(BUDGETS).filter((known) => entries.every(([entry]) => entry !== known))) {
  console.error(`${name} has a budget, and is no entry (test/bundle-budgets.ts)`);
  process.exitCode = 1;
}
