// The examples of schedulers, as their own tools check them, and what no tool of theirs sees.
import { execFile, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { LIMITS_MS } from "../../src/triggers/limit.ts";

const EXAMPLES = fileURLToPath(new URL("../../examples/", import.meta.url));
const hasSystemd = spawnSync("systemd-analyze", ["--version"]).status === 0;

it.skipIf(!hasSystemd)("systemd-analyze verify has nothing to say of the service and the timer", async () => {
  const units = ["sluice.service", "sluice.timer"].map((name) => `${EXAMPLES}systemd/${name}`);
  const { stdout, stderr } = await promisify(execFile)("systemd-analyze", ["verify", "--man=no", ...units]);
  expect({ stdout, stderr }).toEqual({ stdout: "", stderr: "" });
});

// systemd counts each start of a unit, by its timer and by Restart alike (StartLimitIntervalSec, systemd.unit(5)).
it("the systemd service has no limit of starts, which its timer would reach by itself", () => {
  const service = readFileSync(`${EXAMPLES}systemd/sluice.service`, "utf8");
  expect(service).toMatch(/^StartLimitIntervalSec=0$/m);
  expect(service).not.toContain("StartLimitBurst");
});

it("Supabase's cron waits for its answer as long as a drain may take", () => {
  const sql = readFileSync(`${EXAMPLES}supabase/schedule.sql`, "utf8");
  const [, timeoutMs] = /timeout_milliseconds := (\d+)/.exec(sql) ?? [];
  expect(Number(timeoutMs)).toBeGreaterThan(LIMITS_MS.supabase);
});
