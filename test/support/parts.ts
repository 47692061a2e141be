// Parts of other platforms that the suite runs on, and that are too big, or not to be had everywhere, to be dependencies:
// fetched once into the project's cache. Where one cannot be had its tests are skipped, and the reason is printed.
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";
import { onTestFinished, type TestAPI, test } from "vitest";
import { alias } from "./config.ts";

const run = promisify(execFile);
export const MODULES: string = fileURLToPath(new URL("../../node_modules", import.meta.url));
const CACHE = join(MODULES, ".cache/sluice/parts");
const FETCH_MS = 300_000;

/** Parts in a folder of the cache. */
export interface Parts {
  /** The test that needs them: skipped where they are not there. */
  readonly test: TestAPI | TestAPI["skip"];
  /** Undefined where they cannot be had. */
  readonly folder: string | undefined;
}

/**
 * Parts that `fetch` puts into a folder of the name `key`, which is made once for all that ask.
 */
export async function parts(key: string, fetch: (folder: string) => Promise<void>): Promise<Parts> {
  const folder = join(CACHE, key.replaceAll("/", "+"));
  if (existsSync(folder)) return { test, folder };
  await mkdir(CACHE, { recursive: true });
  const fresh = await mkdtemp(`${folder}.`);
  try {
    await fetch(fresh);
    // Another test file may have been quicker; what it made is as good.
    await rename(fresh, folder).catch(() => rm(fresh, { recursive: true, force: true }));
    return { test, folder };
  } catch (error) {
    await rm(fresh, { recursive: true, force: true });
    console.warn(`Skipped: ${key} cannot be had here. ${String(error).split("\n")[0]}`);
    return { test: test.skip, folder: undefined };
  }
}

/** Runs a program that fetches, with the authorities of this machine's user: those of the run know only the lab. */
export async function fetchBy(program: string, args: string[], env: NodeJS.ProcessEnv = {}): Promise<void> {
  const { SLUICE_OWN_CA_CERTS: NODE_EXTRA_CA_CERTS = process.env.NODE_EXTRA_CA_CERTS } = process.env;
  const all = { ...process.env, NODE_EXTRA_CA_CERTS, ...env };
  await run(program, args, { timeout: FETCH_MS, env: all });
}

/** Packages of npm, as `name@version`, none of whose scripts runs. */
export async function packages(...names: [string, ...string[]]): Promise<Parts> {
  return await parts(names.join("~"), async (folder) => {
    await writeFile(join(folder, "package.json"), '{ "private": true, "type": "module" }');
    // Where there is no registry that must be seen soon.
    const flags = ["--no-audit", "--no-fund", "--ignore-scripts", "--no-package-lock", "--fetch-retries=1"];
    await fetchBy("npm", ["install", "--prefix", folder, ...flags, ...names]);
  });
}

/** An example as a user's project, for this test alone. */
export interface Project {
  readonly folder: string;
  /** Loads a module of it. */
  load(file: string): Promise<unknown>;
}

/**
 * A project inside the parts' folder, so that it finds them, with the example's TypeScript as JavaScript, and with
 * `sluice` installed: its sources, bundled entry by entry as they would be published.
 */
export async function projectOf(example: string, { folder: parent }: Parts, into = ""): Promise<Project> {
  if (parent === undefined) throw new Error("a test without its parts must be skipped");
  const folder = await mkdtemp(join(parent, "project-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, "package.json"), '{ "private": true, "type": "module" }');
  await installSluice(join(folder, "node_modules/sluice"));
  const from = fileURLToPath(new URL(`../../examples/${example}`, import.meta.url));
  await mkdir(join(folder, into), { recursive: true });
  await build({
    entryPoints: [`${from}/*.ts`],
    outdir: join(folder, into),
    outExtension: { ".js": ".mjs" },
    format: "esm",
    target: "es2024",
  });
  return { folder, load: async (file) => await import(join(folder, into, file)) };
}

async function installSluice(folder: string): Promise<void> {
  const names = Object.keys(alias).map((name) => [name, name.replace(/^sluice\/?/, "") || "index"] as const);
  await build({
    entryPoints: Object.fromEntries(names.map(([name, file]) => [file, alias[name] ?? ""])),
    outdir: folder,
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "es2024",
    packages: "external",
  });
  const exports = names.map(([name, file]) => [name.replace(/^sluice/, "."), `./${file}.js`]);
  const manifest = { name: "sluice", type: "module", exports: Object.fromEntries(exports) };
  await writeFile(join(folder, "package.json"), JSON.stringify(manifest));
}
