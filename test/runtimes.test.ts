// A drain in each runtime that is not the suite's own: it completes, and the process then ends by itself. The conformance
// suites run there too, in `npm run test:matrix`.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { given } from "./conformance/faults.suite.ts";
import { readResults } from "./support/runtime-results.ts";
import { NODE, RUNTIMES, type Runtime, versionOf } from "./support/runtimes.ts";

const run = promisify(execFile);
const SCRIPT = fileURLToPath(new URL("support/exit-drain.ts", import.meta.url));
// A process that hangs must fail its test, not the run.
const HANG_MS = 20_000;

describe.each(RUNTIMES)("in $name", ({ command }) => {
  test.skipIf(command === undefined)("a drain completes, and leaves nothing behind", async () => {
    const [program = "", ...before] = command ?? [];
    const server = await given(3);
    const args = [...before, SCRIPT, server.wsUrl, "5000"];
    const { stdout } = await run(program, args, { timeout: HANG_MS });
    expect(JSON.parse(stdout)).toMatchObject({ outcome: "completed", reason: "empty", fetched: 3, acked: 3 });
  });
});

test.skipIf(RUNTIMES.some(({ command }) => command === undefined))(
  "docs/platforms.md has what the suites came to in each runtime, as it is installed (npm run test:runtimes)",
  () => {
    const all: readonly Runtime[] = [{ name: "workerd" }, NODE, ...RUNTIMES];
    const installed = all.map((runtime) => ({ name: runtime.name, version: versionOf(runtime), failed: 0 }));
    expect(readResults()).toMatchObject(installed);
  },
);
