// What `wrangler check startup` finds of the deployable Workers: that they start, and within what Cloudflare allows.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { buildWorker, startupMs } from "../support/wrangler.ts";

/** Less than half of https://developers.cloudflare.com/workers/platform/limits/#worker-startup-time. */
const MAX_STARTUP_MS = 400;

// Here and not in the check, beside which the suite runs: wrangler gives a start ten seconds, on a busy machine too.
test.each([undefined, "src/worker/with-dashboard.ts"])(
  "the Worker of wrangler.toml starts within Cloudflare's limit (main: %s)",
  { timeout: 90_000 },
  async (main) => {
    const folder = await mkdtemp(join(tmpdir(), "sluice-startup-"));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const config = fileURLToPath(new URL("../../wrangler.toml", import.meta.url));
    const { upload } = await buildWorker(config, join(folder, "worker"), main);
    expect(await startupMs(upload, folder)).toBeLessThan(MAX_STARTUP_MS);
  },
);
