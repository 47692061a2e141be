// Deno without the permissions that a drain needs: no other try can end better, and the report names the flags.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { RUNTIMES } from "../support/runtimes.ts";

const SCRIPT = fileURLToPath(new URL("../support/deno-drain.ts", import.meta.url));
const [program] = RUNTIMES.find(({ name }) => name === "Deno")?.command ?? [];

async function run(...flags: string[]): Promise<unknown> {
  const { stdout } = await promisify(execFile)(program ?? "", ["run", "--no-prompt", ...flags, SCRIPT]);
  return JSON.parse(stdout);
}

for (const flags of [[], ["--allow-env"], ["--allow-net"]]) {
  test.skipIf(!program)(
    `Deno with ${flags[0] ?? "no flag"}: invalid-options, and the flags that it needs`,
    async () => {
      const message = expect.stringMatching(/--allow-net and --allow-env/);
      expect(await run(...flags)).toEqual({ outcome: "fatal", reason: "invalid-options", message });
    },
  );
}

test.skipIf(!program)("Deno with both flags connects: nothing listens there", async () => {
  expect(await run("--allow-env", "--allow-net")).toMatchObject({ reason: "connect-failed" });
});
