// The Prometheus text, judged by Prometheus' own promtool where there is one.
import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { prometheus } from "../../src/observe/prometheus.ts";
import { aReport } from "./report.ts";

const PROMTOOL = process.env.PROMTOOL ?? "promtool";
const hasPromtool = spawnSync(PROMTOOL, ["--version"]).status === 0;
const STATE = { stream: "EVENTS", consumer: "sluice", pending: 7, unacked: 3, redelivered: 1, waiting: 0 };
const REPORTS = [
  aReport(),
  aReport({ outcome: "retryable", reason: "connection-lost", timings: { totalMs: 2_000 } }),
  aReport({ timings: { totalMs: 1_000_000 } }),
];

test("the lag is what is pending and what is unacked", () => {
  expect(prometheus([], STATE)).toContain(
    'sluice_consumer_lag_messages{stream="EVENTS",consumer="sluice"} 10\n',
  );
});

test("the drains are counted by reason, the deliveries by result, the durations in buckets", () => {
  const text = prometheus(REPORTS);
  const of = 'stream="EVENTS",consumer="sluice"';
  expect(text).toContain(`sluice_history_drains{${of},outcome="completed",reason="empty"} 2\n`);
  expect(text).toContain(`sluice_history_drains{${of},outcome="retryable",reason="connection-lost"} 1\n`);
  expect(text).toContain(`sluice_history_messages{${of},result="acked"} 12\n`);
  expect(text).toContain(`sluice_history_drain_duration_seconds_bucket{${of},le="0.5"} 1\n`);
  expect(text).toContain(`sluice_history_drain_duration_seconds_bucket{${of},le="+Inf"} 3\n`);
});

test("nothing is said of what is not known", () => {
  expect(prometheus([])).toBe("");
});

test.skipIf(!hasPromtool)("promtool check metrics finds nothing, whatever the names", () => {
  const odd = { ...STATE, stream: 'quote " backslash \\ line\nend' };
  const texts = [
    prometheus([], odd),
    prometheus(REPORTS, STATE),
    prometheus([aReport({ stream: odd.stream })]),
  ];
  for (const input of texts) {
    const { status, stdout, stderr } = spawnSync(PROMTOOL, ["check", "metrics"], { input, encoding: "utf8" });
    expect(`${stdout}${stderr}`).toBe("");
    expect(status).toBe(0);
  }
});
