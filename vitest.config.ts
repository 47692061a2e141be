// Two projects, one suite: the conformance tests run in Node and inside workerd, against the same real servers.
import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";

const shared = {
  globalSetup: "test/support/global-setup.ts",
  // Real servers start, freeze and die in these tests; a hung one must fail, not hang the run.
  testTimeout: 30_000,
  hookTimeout: 60_000,
};

export default defineConfig({
  test: {
    projects: [
      { test: { ...shared, name: "node", include: ["test/**/*.test.ts"], exclude: ["test/**/*.workerd.test.ts"] } },
      {
        plugins: [
          cloudflareTest({
            // The deployable Worker's own date, so that its defaults hold here too.
            miniflare: { compatibilityDate: "2026-11-01", unsafeEphemeralDurableObjects: true },
          }),
        ],
        test: { ...shared, name: "workerd", include: ["test/**/*.workerd.test.ts"] },
      },
    ],
  },
});
