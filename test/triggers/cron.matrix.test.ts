// What the crons of Deno and Bun, and a loop in Node, make of a drain that did not complete: seen by a server that refuses each.
import { expect, test } from "vitest";
import { BUN, DENO, inBunCron, inDeno, inNode, start } from "../support/programs.ts";
import { gap, refusing } from "../support/refusing.ts";

const PATIENCE = { timeout: 25_000, interval: 50 };
/** Deno's own setting for tests: each tick comes so long after the one before. */
const TICK_MS = 5_000;
const inDenoTest = test.skipIf(DENO === undefined);
const inBunTest = test.skipIf(BUN === undefined);

async function denoCron(status: number): Promise<readonly number[]> {
  const { url, at } = await refusing(status);
  start(await inDeno("deno-deploy/main.ts"), {
    NATS_URL: url,
    NATS_TOKEN: "s3cret",
    DENO_CRON_TEST_SCHEDULE_OFFSET: String(TICK_MS),
  });
  await expect.poll(() => at.length, PATIENCE).toBeGreaterThan(1);
  return at;
}

inDenoTest("Deno.cron tries again by the backoffSchedule where that may help", async () => {
  const waitMs = gap(await denoCron(503));
  expect(waitMs).toBeGreaterThan(900);
  expect(waitMs).toBeLessThan(TICK_MS - 500);
});

inDenoTest("Deno.cron waits for its next tick where only an operator can help", async () => {
  expect(gap(await denoCron(401))).toBeGreaterThan(TICK_MS - 500);
});

inBunTest.each([
  [503, "DrainRetryableError"],
  [401, "DrainFatalError"],
])("Bun's cron ends with 1 where the server answers %i, and names the %s", async (status, name) => {
  const { url } = await refusing(status);
  const program = start(inBunCron("bun/drain.ts"), { NATS_URL: url, NATS_TOKEN: "s3cret" });
  expect(await program.exit).toBe(1);
  expect(program.printed()).toContain(name);
});

test("the loop in Node ends with 78 where only an operator can help", async () => {
  const { url, at } = await refusing(401);
  const program = start(inNode("node/drain.ts"), { NATS_URL: url, NATS_TOKEN: "s3cret" });
  expect(await program.exit).toBe(78);
  expect(at).toHaveLength(1);
});

test("the loop in Node drains again after the report's wait where that may help", async () => {
  const { url, at } = await refusing(503);
  start(inNode("node/drain.ts"), { NATS_URL: url, NATS_TOKEN: "s3cret" });
  await expect.poll(() => at.length, PATIENCE).toBeGreaterThan(1);
  expect(gap(at)).toBeGreaterThan(4_000);
});
