// Bun.cron in a process that stays. It fires on the minute and cannot be told to come sooner, so this file takes one.
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { BUN, inBun, start } from "../support/programs.ts";
import { refusing } from "../support/refusing.ts";

const MINUTE = { timeout: 80_000, interval: 100 };

test.skipIf(BUN === undefined)(
  "a drain that failed is in the log, and the process goes on",
  { timeout: 100_000 },
  async () => {
    const { url } = await refusing(401);
    const program = start(inBun("bun/cron.ts"), { NATS_URL: url, NATS_TOKEN: "s3cret" });
    await expect.poll(program.printed, MINUTE).toContain("fatal: unauthorized");
    // A rejection without a listener ends a process of Bun's at once.
    expect(await Promise.race([program.exit, sleep(1_000, "stays")])).toBe("stays");
  },
);
