// A Worker in miniflare, with the platform's real parts: Queues, Workflows, alarms, bindings.
import { fileURLToPath } from "node:url";
import { type BuildOptions, build } from "esbuild";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare, type V4WorkerOptions } from "miniflare";
import { onTestFinished } from "vitest";
import { alias } from "./config.ts";

/** The Worker of a file as one module. */
export async function bundleWorker(
  entry: string,
  own: Pick<BuildOptions, "absWorkingDir" | "alias" | "minify">,
): Promise<string> {
  const { outputFiles } = await build({
    ...own,
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: "esm",
    target: "es2024",
    conditions: ["workerd", "worker", "browser"],
    external: ["cloudflare:*", "node:*"],
  });
  return outputFiles[0]?.text ?? "";
}

/** Builds the Worker of a file, and runs it, named drain-orders, until the test is over. */
export async function launchWorker(entry: URL, parts: Partial<V4WorkerOptions>): Promise<Miniflare> {
  const worker = {
    name: "drain-orders",
    modules: true,
    script: await bundleWorker(fileURLToPath(entry), { alias: { ...alias } }),
    compatibilityDate: "2026-11-01",
    ...parts,
  };
  const options = convertV4MiniflareOptions({ workers: [worker as V4WorkerOptions] });
  const miniflare = new Miniflare({ ...options, log: new Log(LogLevel.NONE) });
  onTestFinished(() => miniflare.dispose());
  await miniflare.ready;
  return miniflare;
}
