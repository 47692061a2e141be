// The Prometheus text, judged by Prometheus' own promtool where there is one.
import { spawnSync } from "node:child_process";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { prometheus } from "../../src/observe/prometheus.ts";
import { addReport, type Totals } from "../../src/observe/totals.ts";
import { workerApp } from "../../src/worker/app.ts";
import { pages } from "../../src/worker/dashboard.ts";
import { BUCKET, makeBucket } from "../support/bucket.ts";
import { connectAs } from "../support/delivery.ts";
import { labServer, labStatusPeer } from "../support/lab-client.ts";
import { ADMIN_USER } from "../support/nats.ts";
import { reportOf } from "../support/report.ts";
import { findPromtool } from "../support/tools.ts";

const promtool = await findPromtool();
const STATE = { stream: "EVENTS", consumer: "sluice", pending: 7, unacked: 3, redelivered: 1, waiting: 0 };
const REPORTS = [
  reportOf(),
  reportOf("connection-lost", { timings: { totalMs: 2_000 } }),
  reportOf(undefined, { timings: { totalMs: 1_000_000 } }),
];

test("the metrics: the lag is what is pending and what is unacked", () => {
  expect(prometheus([], STATE)).toContain(
    'sluice_consumer_lag_messages{stream="EVENTS",consumer="sluice"} 10\n',
  );
});

test("the metrics: the drains are counted by reason, the deliveries by result, the durations in buckets", () => {
  const text = prometheus(REPORTS);
  const of = 'stream="EVENTS",consumer="sluice"';
  expect(text).toContain(`sluice_drains_total{${of},outcome="completed",reason="empty"} 2\n`);
  expect(text).toContain(`sluice_drains_total{${of},outcome="retryable",reason="connection-lost"} 1\n`);
  expect(text).toContain(`sluice_messages_total{${of},result="acked"} 12\n`);
  expect(text).toContain(`sluice_messages_total{${of},result="dead_lettered"} 0\n`);
  expect(text).toContain(`sluice_drain_duration_seconds_bucket{${of},le="0.5"} 1\n`);
  expect(text).toContain(`sluice_drain_duration_seconds_bucket{${of},le="+Inf"} 3\n`);
  expect(text).toContain(`sluice_drain_duration_seconds_sum{${of}} 1002.42\n`);
});

test("the metrics: a counter comes from the totals, and from no sum that falls when an old report goes", () => {
  const whole = Array.from({ length: 64 }, () => reportOf());
  expect(prometheus(whole)).not.toContain("_total");
  const totals = [...whole, ...whole].reduce<Totals | undefined>(addReport, undefined);
  expect(prometheus(whole, undefined, totals)).toContain('reason="empty"} 128\n');
});

test("the metrics: nothing is said of what is not known", () => {
  expect(prometheus([])).toBe("");
});

/** What promtool has against a text, and how it ended. */
function judge(input: string): [status: number | null, complaints: string] {
  const { status, stdout, stderr } = spawnSync(promtool ?? "", ["check", "metrics"], {
    input,
    encoding: "utf8",
  });
  return [status, `${stdout}${stderr}`];
}

describe.skipIf(promtool === undefined)("promtool check metrics finds nothing", () => {
  test("whatever the names", () => {
    const odd = { ...STATE, stream: 'quote " backslash \\ line\nend' };
    const texts = [
      prometheus([], odd),
      prometheus(REPORTS, STATE),
      prometheus([reportOf(undefined, { stream: odd.stream })]),
    ];
    for (const text of texts) expect(judge(text)).toEqual([0, ""]);
  });

  test("in the Worker's own metrics, and the counters go on over drains", async () => {
    const server = await labServer();
    await server.createStream("EVENTS");
    await server.createConsumer("EVENTS", "sluice");
    const { nats } = await connectAs("admin", server.wsUrl);
    onTestFinished(() => nats.close());
    await makeBucket(nats);
    const target = await labStatusPeer(204);
    const token = "0123456789abcdef";
    const env = {
      NATS_URL: server.wsUrl,
      NATS_USER: ADMIN_USER.user,
      NATS_PASSWORD: ADMIN_USER.pass,
      NATS_STREAM: "EVENTS",
      NATS_CONSUMER: "sluice",
      TARGET_URL: `http://127.0.0.1:${target.port}/`,
      MAX_WAIT_MS: "100",
      HISTORY_BUCKET: BUCKET,
      DRAIN_TOKEN: token,
    };
    const log = vi.spyOn(console, "log").mockReturnValue();
    onTestFinished(() => log.mockRestore());
    const app = workerApp(pages);
    const headers = { Authorization: `Bearer ${token}` };
    const metrics = async () => await (await app.request("/metrics", { headers }, env)).text();
    expect(judge(await metrics())).toEqual([0, ""]);
    for (const acked of [2, 4]) {
      await server.publish("EVENTS.made", 2);
      expect((await app.request("/drain", { method: "POST", headers }, env)).status).toBe(200);
      const text = await metrics();
      expect(judge(text)).toEqual([0, ""]);
      expect(text).toMatch(new RegExp(`^sluice_messages_total\\{.*result="acked"\\} ${acked}$`, "m"));
    }
  });
});
