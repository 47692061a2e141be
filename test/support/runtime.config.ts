// The suites in another runtime than the newest Node: vitest itself runs inside it (test/run.ts).
import { defineConfig, type ViteUserConfig } from "vitest/config";
import { alias, bounds, certificatesOfThisRun } from "./config.ts";
import { testFiles } from "./kinds.ts";

// vitest's forks end with an error in Bun, and its threads in Deno.
const POOL = "bun" in process.versions ? "threads" : "forks";
const WORKERS = 4;

export default defineConfig(async (): Promise<ViteUserConfig> => {
  const name = process.env.SLUICE_RUNTIME;
  if (name === undefined) throw new Error("SLUICE_RUNTIME is not set: node test/run.ts --matrix sets it");
  const { node, workerd } = testFiles(process.cwd());
  return {
    resolve: { alias },
    test: {
      ...bounds,
      name,
      pool: POOL,
      maxWorkers: WORKERS,
      globalSetup: "test/support/global-setup.ts",
      provide: { certificates: await certificatesOfThisRun() },
      // What runs in workerd runs everywhere.
      include: node.filter((file) => workerd.includes(file.replace(/\.test\.ts$/, ".workerd.test.ts"))),
    },
  };
});
