// What every run of vitest shares, in whichever runtime it runs: the package's own names, bounds, and certificates.
import { existsSync, rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import manifest from "../../package.json" with { type: "json" };
import { type Certificates, makeCertificates } from "./certificates.ts";

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
  // On shared machines a process is kept from running for hundreds of milliseconds at times. What needed a second try is
  // named in the run's last lines.
  retry: process.env.CI === undefined ? 0 : 1,
} as const;

/**
 * Has every report told to `globalThis.sluiceTold`, where a set-up has put it there: in workerd vitest cannot replace a module.
 */
export const reportsTold = {
  name: "sluice:reports-told",
  enforce: "pre",
  transform: (code: string, id: string): string | undefined => {
    if (!id.endsWith("/src/report/report.ts")) return undefined;
    const own = code.replace("export function makeReport(", "function makeReportUntold(");
    if (own === code) throw new Error("src/report/report.ts has no makeReport() any more");
    return `${own}
export const makeReport: typeof makeReportUntold = (...given) => {
  const report = makeReportUntold(...given);
  (globalThis as { sluiceTold?: (place: string, told: unknown) => void }).sluiceTold?.("a report", report);
  return report;
};`;
  },
} as const;

/** Nearly every test waits for a server most of its time, so more of them fit than there are cores. */
export const WORKERS = 6;

/**
 * The run's certificates. vitest evaluates its configuration more than once, and Bun reads an authority only when it
 * starts: so they are made once, and handed on in the environment.
 */
export async function certificatesOfThisRun(): Promise<Certificates> {
  const made = process.env.SLUICE_TEST_CERTIFICATES;
  if (made !== undefined) return JSON.parse(made);
  const folder = await mkdtemp(join(tmpdir(), "sluice-test-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  const certificates = await makeCertificates(folder);
  process.env.SLUICE_TEST_CERTIFICATES = JSON.stringify(certificates);
  // What the tests fetch from elsewhere needs the authorities of this machine's own user, not ours.
  process.env.SLUICE_OWN_CA_CERTS = process.env.NODE_EXTRA_CA_CERTS ?? "";
  process.env.NODE_EXTRA_CA_CERTS = certificates.ca.cert;
  return certificates;
}
