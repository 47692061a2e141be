// Two projects, one suite: the conformance tests run in Node and inside workerd, against the same real servers.
import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { defineConfig, type ViteUserConfig } from "vitest/config";
import { type Certificates, makeCertificates } from "./test/support/certificates.ts";

// The README's examples import the package by its name.
const alias = {
  "sluice/http": fileURLToPath(new URL("src/triggers/http.ts", import.meta.url)),
  "sluice/cron": fileURLToPath(new URL("src/triggers/cron.ts", import.meta.url)),
  "sluice/testing": fileURLToPath(new URL("src/testing/index.ts", import.meta.url)),
  sluice: fileURLToPath(new URL("src/index.ts", import.meta.url)),
};

// A service binding that carries a connection to the address in its header, as a VPC or mTLS binding does to its own.
const natsProxy = {
  serviceBindings: { NATS: "nats-proxy" },
  workers: [
    {
      name: "nats-proxy",
      modules: true,
      compatibilityDate: "2026-11-01",
      script: "export default { fetch: (request) => fetch(request.headers.get('X-Nats-Address'), request) };",
    },
  ],
};

const shared = {
  // Real servers start, freeze and die in these tests; a hung one must fail, not hang the run.
  testTimeout: 30_000,
  hookTimeout: 60_000,
  // On shared machines a process is kept from running for hundreds of milliseconds at times; vitest marks what needed it.
  retry: process.env.CI === undefined ? 0 : 1,
};

/** The test run's certificates. vitest evaluates this file more than once in a run, and all of it must see the same ones. */
async function certificatesOfThisRun(): Promise<Certificates> {
  const made = process.env.SLUICE_TEST_CERTIFICATES;
  if (made !== undefined) return JSON.parse(made);
  const folder = await mkdtemp(join(tmpdir(), "sluice-test-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  const certificates = await makeCertificates(folder);
  process.env.SLUICE_TEST_CERTIFICATES = JSON.stringify(certificates);
  return certificates;
}

export default defineConfig(async (): Promise<ViteUserConfig> => {
  // Node reads NODE_EXTRA_CA_CERTS when a test's process starts, and miniflare, for workerd, when its module is loaded:
  // so the certificates are made before the plugin is.
  const certificates = await certificatesOfThisRun();
  process.env.NODE_EXTRA_CA_CERTS = certificates.ca.cert;
  const { cloudflareTest } = await import("@cloudflare/vitest-plugin");
  return {
    test: {
      globalSetup: "test/support/global-setup.ts",
      provide: { certificates },
      projects: [
        {
          resolve: { alias },
          test: {
            ...shared,
            name: "node",
            include: ["test/**/*.test.ts"],
            exclude: ["test/**/*.workerd.test.ts"],
          },
        },
        {
          // The deployable Worker's own date, so that its defaults hold here too.
          plugins: [cloudflareTest({ miniflare: { compatibilityDate: "2026-11-01", ...natsProxy } })],
          test: { ...shared, name: "workerd", include: ["test/**/*.workerd.test.ts"] },
        },
      ],
    },
  };
});
