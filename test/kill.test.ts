// A process killed at any moment: every message is handled in the end, and none is dead-lettered twice under different ids.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { reject } from "../src/index.ts";
import { given, run } from "./conformance/faults.suite.ts";

const MESSAGES = 200;
const KILLS = 8;

/** Drains in a process of its own, and kills it after so many handled messages; to the sequences that it said. */
async function drainAndKill(servers: string, after: number): Promise<number[]> {
  const script = fileURLToPath(new URL("support/kill-drain.ts", import.meta.url));
  const child = spawn(process.execPath, [script, servers], { stdio: ["ignore", "pipe", "inherit"] });
  const handled: number[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => {
    handled.push(Number(line));
    if (handled.length === after) child.kill("SIGKILL");
  });
  await once(child, "close");
  return handled;
}

test("when a drain's process is killed, no message is lost, and none is dead-lettered twice", {
  timeout: 120_000,
}, async () => {
  const server = await given(MESSAGES);
  await server.createStream("DEAD", { subjects: ["dlq.>"] });
  const handled = new Set<number>();
  for (let kill = 0; kill < KILLS; kill += 1) {
    // Some right after their first message, some deep within the batch.
    for (const sequence of await drainAndKill(server.wsUrl, 1 + kill * 7)) handled.add(sequence);
  }
  // What the killed ones held comes again after its ack wait of a second.
  await expect
    .poll(
      async () => {
        const report = await run(server.wsUrl, {
          batch: MESSAGES,
          fill: true,
          maxWaitMs: 1_200,
          deadLetter: { subject: "dlq.orders" },
          handler: ({ sequence }) => {
            handled.add(sequence);
            return sequence % 5 === 0 ? reject("every fifth") : undefined;
          },
        });
        expect(report.outcome).toBe("completed");
        const { pending, ackPending } = await server.consumerState("ORDERS", "worker");
        return pending + ackPending;
      },
      { timeout: 30_000, interval: 50 },
    )
    .toBe(0);
  expect(handled.size).toBe(MESSAGES);
  const dead = await server.messages("DEAD");
  expect(dead).toHaveLength(MESSAGES / 5);
  expect(new Set(dead.map(({ headers }) => headers["Sluice-Sequence"])).size).toBe(MESSAGES / 5);
});
