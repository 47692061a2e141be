// wrangler takes the configuration of each example for Workers, and bundles what it names.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { alias } from "../support/config.ts";

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const aliases = Object.entries(alias).flatMap(([name, path]) => ["--alias", `${name}:${path}`]);
const names = ["cloudflare-fan-out", "cloudflare-queues", "cloudflare-workflows", "durable-object-alarm"];

test.each(names)("wrangler deploy --dry-run has no warning for the example %s", async (name) => {
  const config = at(`../../examples/${name}/wrangler.toml`);
  const command = [at("../../node_modules/wrangler/bin/wrangler.js"), "deploy", "--dry-run"];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [
    ...command,
    "--config",
    config,
    ...aliases,
  ]);
  expect(stdout).toContain("--dry-run: exiting now.");
  expect(stdout + stderr).not.toMatch(/warning/i);
});
