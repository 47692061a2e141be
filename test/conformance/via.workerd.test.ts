// A connection carried by a service binding, with headers of one's own: how mTLS, VPC and private-network bindings are used.
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { labServer } from "../support/lab-client.ts";
import { given, run } from "./faults.suite.ts";

test("a drain connects through a binding, and sends the headers it is given", async () => {
  const server = await given(3);
  // The address does not resolve: only the binding, told by the header, knows the way.
  const headers = { "X-Nats-Address": server.wsUrl.replace("ws:", "http:") };
  const report = await run("wss://nats.internal", { via: env.NATS, headers });
  expect(report).toMatchObject({ outcome: "completed", reason: "empty", fetched: 3, acked: 3 });
});

test("a binding that answers without an upgrade is a report like any other", async () => {
  const report = await run("wss://nats.internal", {
    via: { fetch: async () => new Response("no", { status: 403 }) },
  });
  expect(report).toMatchObject({ outcome: "fatal", reason: "unauthorized", fetched: 0 });
});

test("a binding that throws is a report like any other", async () => {
  const report = await run("wss://nats.internal", {
    via: { fetch: () => Promise.reject(new Error("no such service")) },
  });
  expect(report).toMatchObject({ outcome: "retryable", reason: "connect-failed" });
  expect(report.message).toContain("no such service");
});

test("a binding that never answers is given up in the connection's slice", async () => {
  const server = await labServer();
  const report = await run(server.wsUrl, {
    via: { fetch: () => new Promise(() => {}) },
    connectTimeoutMs: 300,
  });
  expect(report).toMatchObject({ outcome: "retryable", reason: "connect-timeout" });
  expect(report.timings.totalMs).toBeLessThan(1_000);
});
