// workerd without a dev server in front, for what takes a millisecond of CPU: one process, started bare in a fraction of a second.
import { fileURLToPath } from "node:url";
import type { Done } from "./contenders.ts";
import { childrenNamed, cpuMsOf, forgetPeak, memoryOf } from "./processes.ts";
import { COMPATIBILITY_DATE, type Runtime } from "./runtimes.ts";

export interface BenchWorker extends AsyncDisposable {
  /** Posts JSON and resolves to the JSON that comes. Rejects with the Worker's own words. */
  post(path: string, body: unknown): Promise<unknown>;
  readonly pid: number;
  /** CPU time that its process has used so far, in milliseconds. */
  cpuMs(): number;
  /** Runs `work` and resolves to how far the process's memory rose meanwhile, at its peak, in bytes. */
  peakGrowth(work: () => Promise<unknown>): Promise<number>;
}

const scripts = new Map<string, Promise<string>>();

/** Starts a Worker, from its source, in a process of its own. */
export async function startBenchWorker(source: URL): Promise<BenchWorker> {
  const file = fileURLToPath(source);
  const { convertV4MiniflareOptions, Log, LogLevel, Miniflare } = await import("miniflare");
  const script = scripts.get(file) ?? bundle(file);
  scripts.set(file, script);
  const before = new Set(childrenNamed("workerd"));
  const worker = {
    name: "bench",
    modules: true,
    script: await script,
    compatibilityDate: COMPATIBILITY_DATE,
  };
  const options = convertV4MiniflareOptions({ workers: [worker], cf: false });
  const miniflare = new Miniflare({ ...options, log: new Log(LogLevel.NONE) });
  const url = await miniflare.ready;
  const pids = childrenNamed("workerd").filter((pid) => !before.has(pid));
  const [pid] = pids;
  if (pid === undefined || pids.length > 1)
    throw new Error(`${pids.length} workerd were started instead of one`);
  return {
    pid,
    post: async (path, body) => {
      const response = await fetch(new URL(path, url), { method: "POST", body: JSON.stringify(body) });
      const text = await response.text();
      if (!response.ok) throw new Error(`${path} in workerd: ${text}`);
      return JSON.parse(text);
    },
    cpuMs: () => cpuMsOf(pids),
    peakGrowth: async (work) => {
      const { residentBytes } = memoryOf(pid);
      forgetPeak(pid);
      await work();
      return memoryOf(pid).peakBytes - residentBytes;
    },
    [Symbol.asyncDispose]: () => miniflare.dispose(),
  };
}

/** workerd with the contenders, in a new process. */
export async function bareWorkerd(): Promise<Runtime> {
  const worker = await startBenchWorker(new URL("bare-worker.ts", import.meta.url));
  return {
    name: "workerd",
    run: async (contender, job) => {
      const before = worker.cpuMs();
      const done = (await worker.post(`/${contender}`, job)) as Done; // as bare-worker.ts answers
      return { ...done, cpuMs: worker.cpuMs() - before };
    },
    pids: () => [worker.pid],
    [Symbol.asyncDispose]: () => worker[Symbol.asyncDispose](),
  };
}

async function bundle(file: string): Promise<string> {
  const { build } = await import("esbuild");
  const { outputFiles } = await build({
    entryPoints: [file],
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    target: "es2024",
    conditions: ["workerd", "worker", "browser"],
    mainFields: ["browser", "module", "main"],
    external: ["node:*", "cloudflare:*"],
  });
  return outputFiles[0]?.text ?? "";
}
