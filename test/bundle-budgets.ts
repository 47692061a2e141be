// Holds each entry's bundle to a budget, in `npm run check`: what a Worker that imports it carries, minified and gzipped, without
// the peers. A budget is some tenth above what is measured; raise one only for what it buys.
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { alias } from "./support/config.ts";

/** Bytes, by the entry's name. */
const BUDGETS: Readonly<Record<string, number>> = {
  sluice: 88_000,
  "sluice/hono": 2_800,
  "sluice/fetch": 3_000,
  "sluice/cloudflare": 3_600,
  "sluice/lambda": 800,
  "sluice/deno": 800,
  "sluice/qstash": 1_300,
  "sluice/dashboard": 70_000,
  "sluice/observe": 54_000,
  "sluice/opentelemetry": 1_300,
  "sluice/testing": 90_000,
};

/** Bytes, by a name of `sluice/observe`: an adapter costs only itself, not the history beside it. */
const ADAPTERS: Readonly<Record<string, number>> = {
  logObserver: 300,
  analyticsObserver: 400,
  tracingObserver: 300,
  prometheus: 2_500,
};

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** Of a module of this text. */
async function sizeOf(contents: string): Promise<number> {
  const { outputFiles } = await build({
    absWorkingDir: ROOT,
    stdin: { contents, resolveDir: ROOT },
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

function hold(name: string, size: number, budget = 0): void {
  if (size <= budget) return;
  console.error(`${name}: ${size} bytes gzipped, more than its budget of ${budget} (test/bundle-budgets.ts)`);
  process.exitCode = 1;
}

for (const [name, entry] of Object.entries(alias))
  hold(name, await sizeOf(`export * from ${JSON.stringify(entry)}`), BUDGETS[name]);
for (const [name, budget] of Object.entries(ADAPTERS))
  hold(name, await sizeOf(`export { ${name} } from ${JSON.stringify(alias["sluice/observe"])}`), budget);
for (const name of Object.keys(BUDGETS).filter((known) => !(known in alias))) {
  console.error(`${name} has a budget, and is no entry (test/bundle-budgets.ts)`);
  process.exitCode = 1;
}
