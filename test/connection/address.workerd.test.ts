// Of a wrong port a Worker is told nothing but that the connection failed. The report says what that may mean.
import { expect, test } from "vitest";
import { defineDrain, type Report } from "../../src/index.ts";
import { labRefusedPort, labServer } from "../support/lab-client.ts";

async function drain(servers: string): Promise<Report> {
  const auth = { user: "drain", password: "drain-pw" };
  const options = { servers, auth, stream: "ORDERS", consumer: "worker", handler: () => {} };
  return await defineDrain(options).run({ limitMs: 4_000 });
}

test("the port of nats-server's TCP clients looks like one that refuses: connect-failed, and the message names both", async () => {
  const { ports } = await labServer();
  for (const address of [`ws://127.0.0.1:${ports.nats}`, (await labRefusedPort()).wsUrl]) {
    const report = await drain(address);
    expect(report).toMatchObject({ outcome: "retryable", reason: "connect-failed" });
    expect(report.message).toMatch(/refuses.*no HTTP/);
  }
});

test("wss:// to a listener without TLS: connect-failed, and the message says so", async () => {
  const { ports } = await labServer();
  const report = await drain(`wss://127.0.0.1:${ports.ws}`);
  expect(report).toMatchObject({ outcome: "retryable", reason: "connect-failed" });
  expect(report.message).toContain("there is no TLS on that port");
});
