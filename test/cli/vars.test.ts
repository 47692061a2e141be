// The vars that doctor reads: each that would end every drain of the Worker is named.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { readSettings } from "../../src/cli/doctor/settings.ts";
import { checkVars } from "../../src/cli/doctor/vars.ts";

it.each([
  [{ BATCH: "0" }, "BATCH must be a whole number from 1"],
  [{ FETCHES: "0" }, "FETCHES must be"],
  [{ CONCURRENCY: "0" }, "CONCURRENCY must be"],
  [{ MAX_WAIT_MS: "soon" }, "MAX_WAIT_MS must be a whole number"],
  [{ HANDLER_TIMEOUT_MS: "0" }, "HANDLER_TIMEOUT_MS must be"],
  [{ STOP_AFTER_FAILURES: "0" }, "STOP_AFTER_FAILURES must be"],
  [{ UNTIL: "noon" }, "UNTIL must be one of empty, limit"],
  [{ DRAINS: "33" }, "DRAINS must be a whole number from 1 to 32"],
  [{ LIMIT_MS: "100" }, "LIMIT_MS must be a whole number from 450"],
  [{ DEAD_LETTER_SUBJECT: "dlq.x", MAX_DELIVERIES: "0" }, "MAX_DELIVERIES must be"],
  [{ DEAD_LETTER_SUBJECT: "dlq.>" }, "DEAD_LETTER_SUBJECT must be"],
  [{ MAX_DELIVERIES: "5" }, "DEAD_LETTER_SUBJECT is not set, and MAX_DELIVERIES needs it"],
])("checkVars names what is wrong in %j", (vars, problem) => {
  expect(() => checkVars(vars)).toThrow(problem);
});

it("checkVars passes what the Worker takes", () => {
  const vars = { BATCH: "500", UNTIL: "limit", DRAINS: "4", LIMIT_MS: "55000", DEAD_LETTER_SUBJECT: "dlq.x" };
  expect(() => checkVars(vars)).not.toThrow();
  expect(() => checkVars({})).not.toThrow();
});

it.each([
  ["src/worker/index.ts", undefined, false],
  ["src/worker/with-dashboard.ts", undefined, false],
  ["src/worker/index.ts", "services = [{ binding = 'TARGET', service = 'orders' }]", true],
  ["src/worker/index.ts", "vars.TARGET_URL = 'https://example.com/events'", true],
  // A Worker of one's own handles its messages itself.
  ["src/index.ts", undefined, true],
])(
  "readSettings of a Worker whose main is %s, with %s: it is whole: %s",
  async (main, more = "", isWhole) => {
    const folder = await mkdtemp(join(tmpdir(), "sluice-vars-test-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    const vars = 'vars.NATS_URL = "wss://localhost"\nvars.NATS_STREAM = "S"\nvars.NATS_CONSUMER = "c"\n';
    await writeFile(join(folder, "wrangler.toml"), `main = "${main}"\n${vars}${more}\n`);
    const read = readSettings({ worker: folder });
    if (isWhole) await expect(read).resolves.toMatchObject({ stream: "S", consumer: "c" });
    else await expect(read).rejects.toThrow("TARGET_URL is not set, and there is no service binding TARGET");
  },
);
