// The deployable Worker with DRAINS: a cron run in workerd calls the Worker's own entry point for other drains beside its own,
// and one report tells them all.
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { MergedReport, Report } from "../../src/index.ts";
import { startTestServer, type TestServer } from "../support/nats.ts";
import { type ServedTestWorker, startBundledWorker, startServedWorker } from "../support/served-worker.ts";
import { startTarget, type TestTarget } from "../support/target.ts";

const TOKEN = "drain-token-1234";
const SECRETS = { DRAIN_TOKEN: TOKEN, NATS_USER: "drain", NATS_PASSWORD: "drain-pw" };
const BACKLOG = 120;

let server: TestServer;
let target: TestTarget;

beforeAll(async () => {
  server = await startTestServer();
  target = await startTarget();
  // Slow enough for every drain to find something.
  target.answer = () => new Promise((resolve) => setTimeout(() => resolve({}), 20));
});
afterAll(async () => {
  await target[Symbol.asyncDispose]();
  await server.stop();
});

/** A stream, and the vars of a Worker that drains it. */
async function given(stream: string, vars: Record<string, string>): Promise<Record<string, string>> {
  await server.createStream(stream);
  await server.createConsumer(stream, "sluice");
  return {
    NATS_URL: server.wsUrl,
    NATS_STREAM: stream,
    NATS_CONSUMER: "sluice",
    TARGET_URL: target.url,
    MAX_WAIT_MS: "600",
    LIMIT_MS: "20000",
    FETCHES: "10",
    CONCURRENCY: "2",
    ...vars,
  };
}

/** A cron run: what its scheduler is told, and the one report that the Worker logs. */
async function cron(at: ServedTestWorker): Promise<{ outcome: string; report: Report | MergedReport }> {
  const logged = once(at.events, "report");
  const response = await fetch(new URL("/cdn-cgi/local/scheduled?format=json", at.url));
  const { outcome } = (await response.json()) as { outcome: string }; // miniflare's format
  const [report] = (await logged) as [Report | MergedReport];
  return { outcome, report };
}

const total = (drains: readonly Report[], count: "fetched" | "acked"): number =>
  drains.reduce((sum, report) => sum + report[count], 0);

function expectAllOnce(stream: string): void {
  const ids = target.events
    .map(({ headers }) => String(headers["ce-id"]))
    .filter((id) => id.startsWith(`${stream}:`));
  expect(ids).toHaveLength(BACKLOG);
  expect(new Set(ids).size).toBe(BACKLOG);
}

describe("the deployable Worker", () => {
  test("drains a backlog with DRAINS at once, each message once, and tells them in one report", async () => {
    await using deployed = await startServedWorker(await given("MANY", { DRAINS: "4" }), SECRETS);
    await server.publish("MANY.made", BACKLOG);
    const { outcome, report } = await cron(deployed);
    expect(outcome).toBe("ok");
    expect(report).toMatchObject({
      outcome: "completed",
      fetched: BACKLOG,
      acked: BACKLOG,
      pending: 0,
      more: false,
    });
    const { drains } = report as MergedReport;
    expect(drains.map(({ acked }) => acked > 0)).toEqual([true, true, true, true]);
    expect([total(drains, "fetched"), total(drains, "acked")]).toEqual([BACKLOG, BACKLOG]);
    expectAllOnce("MANY");
    expect(await server.consumerState("MANY", "sluice")).toMatchObject({
      pending: 0,
      ackPending: 0,
      redelivered: 0,
    });

    // What one drain asks for first is no work for two.
    await server.publish("MANY.made", 2);
    expect((await cron(deployed)).report).toMatchObject({ acked: 2, drains: [{ acked: 2 }] });

    await server.publish("MANY.made", BACKLOG);
    const headers = { Authorization: `Bearer ${TOKEN}` };
    const response = await fetch(new URL("/drain", deployed.url), { method: "POST", headers });
    const answer = (await response.json()) as MergedReport;
    expect([response.status, answer.acked, answer.drains.length]).toEqual([200, BACKLOG, 4]);
  });

  test("drains with one where DRAINS is not set, and reports that one", async () => {
    await using deployed = await startBundledWorker(await given("ONE", {}), SECRETS);
    await server.publish("ONE.made", BACKLOG);
    const { outcome, report } = await cron(deployed);
    expect(outcome).toBe("ok");
    expect(report).toMatchObject({ outcome: "completed", acked: BACKLOG });
    expect(report).not.toHaveProperty("drains");
    expectAllOnce("ONE");
  });
});
