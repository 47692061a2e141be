// What every run of vitest shares, in whichever runtime it runs: the package's own names, bounds, and certificates.
import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Certificates, makeCertificates } from "./certificates.ts";

const source = (path: string): string => fileURLToPath(new URL(`../../src/${path}`, import.meta.url));

/** The README's examples import the package by its name. */
export const alias: Readonly<Record<string, string>> = {
  "sluice/cloudflare": source("triggers/cloudflare.ts"),
  "sluice/deno": source("triggers/deno.ts"),
  "sluice/fetch": source("triggers/fetch.ts"),
  "sluice/hono": source("triggers/hono.ts"),
  "sluice/lambda": source("triggers/lambda.ts"),
  "sluice/qstash": source("triggers/qstash.ts"),
  "sluice/testing": source("testing/index.ts"),
  sluice: source("index.ts"),
};

/** The bounds of a test. */
export const bounds = {
  // Real servers start, freeze and die in these tests; a hung one must fail, not hang the run.
  testTimeout: 30_000,
  hookTimeout: 60_000,
  // On shared machines a process is kept from running for hundreds of milliseconds at times. What needed a second try is
  // named in the run's last lines.
  retry: process.env.CI === undefined ? 0 : 1,
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
  process.env.NODE_EXTRA_CA_CERTS = certificates.ca.cert;
  return certificates;
}
