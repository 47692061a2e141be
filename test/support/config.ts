// What every run of vitest shares, in whichever runtime it runs: the package's own names, bounds, and certificates.
import { existsSync, rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import * as modules from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import manifest from "../../package.json" with { type: "json" };
import type { Certificates } from "./certificates.ts";

// Node programs that the tests start, and their own workers, are compiled once and not each time: a `sluice` that says
// what is wrong with its command line takes a third of the CPU time so.
process.env.NODE_COMPILE_CACHE ??= new URL(
  "../../node_modules/.cache/sluice/compiled",
  import.meta.url,
).pathname;
// Of this process too: what vitest, wrangler and miniflare are made of. Other runtimes than Node have no such cache.
modules.enableCompileCache?.(process.env.NODE_COMPILE_CACHE);

/** The file of src that an entry of the package is built from. */
function sourceOf(target: string): string {
  const source = new URL(target.replace("./dist/", "../../src/").replace(/\.js$/, ""), import.meta.url)
    .pathname;
  return existsSync(`${source}.ts`) ? `${source}.ts` : `${source}.tsx`;
}

/** The package's own entries, by the names that the examples import. `sluice` comes last: it begins the others. */
export const alias: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(manifest.exports)
    .flatMap(([entry, target]) =>
      typeof target === "string" ? [] : [[entry.replace(/^\./, "sluice"), sourceOf(target.default)]],
    )
    .reverse(),
);

/** The bounds of a test. */
export const bounds = {
  // Real servers start, freeze and die in these tests; a hung one must fail, not hang the run.
  testTimeout: 30_000,
  hookTimeout: 60_000,
  // On shared machines a process is kept from running for a second at times. What had to be tried again is named in the run's
  // last lines.
  retry: process.env.CI === undefined ? 0 : 2,
} as const;

/** What is looked through as it is made: by which function of which file, and the part of it that is told. */
const LOOKED_THROUGH = [
  { file: "/src/report/report.ts", name: "makeReport", place: "a report", part: "made" },
  // Its message shows a developer the value of an option that is no secret; all others are told the problem alone.
  { file: "/src/checks.ts", name: "invalidOption", place: "an option's error", part: "made.problem" },
] as const;

/**
 * Has every report and every option's error told to `globalThis.sluiceTold`, where a set-up has put it there: vitest can
 * replace no module in workerd, nor one that another file of the same worker has loaded.
 */
export const toldAsMade = {
  name: "sluice:told-as-made",
  enforce: "pre",
  transform: (code: string, id: string): string | undefined => {
    const found = LOOKED_THROUGH.find(({ file }) => id.endsWith(file));
    if (!found) return undefined;
    const { file, name, place, part } = found;
    const own = code.replace(`export function ${name}(`, `function ${name}Untold(`);
    if (own === code) throw new Error(`${file} has no ${name}() any more`);
    return `${own}
export const ${name}: typeof ${name}Untold = (...given) => {
  const made = ${name}Untold(...given);
  (globalThis as { sluiceTold?: (place: string, told: unknown) => void }).sluiceTold?.("${place}", ${part});
  return made;
};`;
  },
} as const;

/**
 * Nearly every test waits for a server most of its time, so more of them fit than there are cores. Each loads what it tests
 * anew, and a workerd with it: more workers than keep two cores busy cost more than they save.
 */
export const WORKERS = 7;

/**
 * The run's certificates. vitest evaluates its configuration more than once, and Bun reads an authority only when it
 * starts: so they are made once, and handed on in the environment.
 */
export async function certificatesOfThisRun(): Promise<Certificates> {
  const made = process.env.SLUICE_TEST_CERTIFICATES;
  if (made !== undefined) return JSON.parse(made);
  const { makeCertificates } = await import("./certificates.ts"); // heavy, and needed once
  const folder = await mkdtemp(join(tmpdir(), "sluice-test-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  const certificates = await makeCertificates(folder);
  process.env.SLUICE_TEST_CERTIFICATES = JSON.stringify(certificates);
  // What the tests fetch from elsewhere needs the authorities of this machine's own user, not ours.
  process.env.SLUICE_OWN_CA_CERTS = process.env.NODE_EXTRA_CA_CERTS ?? "";
  process.env.NODE_EXTRA_CA_CERTS = certificates.ca.cert;
  return certificates;
}
