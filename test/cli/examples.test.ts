// The examples of schedulers that start processes, as their own tools check them.
import { execFile, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const EXAMPLES = fileURLToPath(new URL("../../examples/", import.meta.url));
const hasSystemd = spawnSync("systemd-analyze", ["--version"]).status === 0;

it.skipIf(!hasSystemd)("systemd-analyze verify has nothing to say of the service and the timer", async () => {
  const units = ["sluice.service", "sluice.timer"].map((name) => `${EXAMPLES}systemd/${name}`);
  const { stdout, stderr } = await promisify(execFile)("systemd-analyze", ["verify", "--man=no", ...units]);
  expect({ stdout, stderr }).toEqual({ stdout: "", stderr: "" });
});
