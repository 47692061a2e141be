// One suite in projects by kind (test/support/kinds.ts): what needs no server, what needs one, what runs in workerd, and
// what starts whole programs.
import { fileURLToPath } from "node:url";
import { defineConfig, type ViteUserConfig } from "vitest/config";
import { alias, bounds, certificatesOfThisRun, toldAsMade, WORKERS } from "./test/support/config.ts";
import { testFiles } from "./test/support/kinds.ts";
import { LongestFirst } from "./test/support/sequencer.ts";

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

/**
 * Bundled for workerd, as a deployment does it: its CommonJS modules, each by itself, look up every name of another in
 * native code there, and reading a PONG takes 43 µs instead of 0.2.
 */
const NATS_CORE = ["@nats-io/nats-core", "@nats-io/nats-core/internal"];

export default defineConfig(async (): Promise<ViteUserConfig> => {
  // Node reads NODE_EXTRA_CA_CERTS when a test's process starts, and miniflare, for workerd, when its module is loaded:
  // so the certificates are made before the plugin is.
  const certificates = await certificatesOfThisRun();
  const { cloudflareTest } = await import("@cloudflare/vitest-plugin");
  const files = testFiles(fileURLToPath(new URL(".", import.meta.url)));
  // No line, report, answer or error tells a secret.
  const setupFiles = "test/support/leaks.ts";
  const ofPrograms = [setupFiles, "test/support/leaks-of-programs.ts"];
  // What waits for servers comes first, many at once. What keeps a core busy, as programs and what is pure do, comes behind it.
  const laboratory = {
    ...bounds,
    globalSetup: "test/support/global-setup.ts",
    maxWorkers: WORKERS,
    sequence: { groupOrder: 1 },
  };
  const programs = { ...laboratory, maxWorkers: 3, sequence: { groupOrder: 2 } };
  const inNode = { plugins: [toldAsMade], resolve: { alias } };
  // A worker loads the sources once, for all of its files: loading them for each was half of what the pure tests cost.
  const shared = { isolate: false };
  return {
    test: {
      provide: { certificates },
      sequence: { sequencer: LongestFirst },
      projects: [
        // Threads start in less time than processes, and nothing here reads an authority when it starts.
        {
          ...inNode,
          test: {
            ...shared,
            ...bounds,
            name: "unit",
            include: files.unit,
            setupFiles,
            pool: "threads",
            maxWorkers: programs.maxWorkers,
            sequence: programs.sequence,
          },
        },
        {
          ...inNode,
          test: { ...shared, ...laboratory, name: "node", include: files.node, setupFiles: ofPrograms },
        },
        {
          // The deployable Worker's own date, so that its defaults hold here too.
          plugins: [
            toldAsMade,
            cloudflareTest({ miniflare: { compatibilityDate: "2026-11-01", ...natsProxy } }),
          ],
          test: {
            ...shared,
            ...laboratory,
            name: "workerd",
            include: files.workerd,
            setupFiles,
            deps: { optimizer: { ssr: { enabled: true, include: NATS_CORE } } },
          },
        },
        {
          ...inNode,
          test: { ...shared, ...programs, name: "process", include: files.process, setupFiles: ofPrograms },
        },
        {
          ...inNode,
          test: { ...programs, name: "matrix", include: files.matrix, setupFiles: ofPrograms },
        },
      ],
    },
  };
});
