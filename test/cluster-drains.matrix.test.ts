// Eight drains at once on a cluster of three whose leader is killed. `npm run bench:cluster` does the same with a million messages.
import { expect, test } from "vitest";
import { drainCluster, untruths } from "./support/cluster-drains.ts";

const MESSAGES = Number(process.env.SLUICE_CLUSTER_MESSAGES ?? 50_000);

test("eight processes drain a cluster whose leader is killed: none is lost, none comes again unexplained", {
  timeout: 120_000 + MESSAGES,
}, async () => {
  const given = { messages: MESSAGES, drains: 8, limitMs: 8_000, timeoutMs: 90_000 + MESSAGES / 2 };
  const result = await drainCluster(given);
  expect(untruths(result, MESSAGES)).toEqual([]);
  const killed = result.reports.filter(({ outcome }) => outcome !== "completed");
  expect(killed.length).toBeGreaterThan(0);
  expect(killed.every(({ outcome }) => outcome === "retryable")).toBe(true);
});
