// wrangler, as a user runs it: a Worker's bundle, and what its start costs.
import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** What wrangler makes of a Worker. */
export interface Built {
  /** Of the Worker's scripts, minified. */
  readonly gzipBytes: number;
  /** What would be uploaded, as a file. */
  readonly upload: string;
}

/** Bundles as for a deployment, into `outdir` and a file beside it. */
export async function buildWorker(config: string, outdir: string, main?: string): Promise<Built> {
  const upload = `${outdir}.bundle`;
  await wrangler([
    "deploy",
    ...(main === undefined ? [] : [main]),
    "--config",
    config,
    "--dry-run",
    "--minify",
    "--outdir",
    outdir,
    "--outfile",
    upload,
  ]);
  const scripts = (await readdir(outdir)).filter((name) => name.endsWith(".js"));
  const contents = await Promise.all(scripts.map((name) => readFile(join(outdir, name))));
  return { gzipBytes: gzipSync(Buffer.concat(contents)).length, upload };
}

/** Active time, idle excluded, of one start of the Worker in workerd. */
export async function startupMs(upload: string, folder: string): Promise<number> {
  const profile = join(folder, "startup.cpuprofile");
  await wrangler(["check", "startup", "--workerBundle", upload, "--outfile", profile]);
  return activeMs(JSON.parse(await readFile(profile, "utf8")));
}

/** A V8 CPU profile, the part of it that is read here; its times are in microseconds. */
interface CpuProfile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: { readonly functionName: string } }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

function activeMs({ nodes, samples, timeDeltas }: CpuProfile): number {
  const idle = new Set(
    nodes.filter(({ callFrame }) => callFrame.functionName === "(idle)").map(({ id }) => id),
  );
  return samples.reduce((ms, id, at) => (idle.has(id) ? ms : ms + (timeDeltas[at] ?? 0) / 1_000), 0);
}

async function wrangler(args: readonly string[]): Promise<void> {
  const path = `${join(ROOT, "node_modules", ".bin")}${delimiter}${process.env.PATH ?? ""}`;
  await promisify(execFile)("wrangler", [...args], {
    cwd: ROOT,
    env: { ...process.env, PATH: path, WRANGLER_SEND_METRICS: "false", WRANGLER_WRITE_LOGS: "false" },
  });
}
