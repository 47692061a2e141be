// What `allowInsecure` allows is told by every report, whatever else became of the drain.
import { expect, test } from "vitest";
import { defineDrain, type Report } from "../../src/index.ts";
import { labRefusedPort, labServer } from "../support/lab-client.ts";

/** Drains an empty consumer, at an address that does not say that it is this machine's. */
async function drainAt(port: number, { auth }: { auth?: { token: string } } = {}): Promise<Report> {
  const drain = defineDrain({
    servers: `ws://0.0.0.0:${port}/path?token=secret`,
    allowInsecure: true,
    auth: auth ?? { user: "drain", password: "drain-pw" },
    stream: "ORDERS",
    consumer: "worker",
    handler: () => {},
  });
  return await drain.run({ limitMs: 5_000 });
}

const FINDING = {
  code: "insecure-connection",
  message: expect.stringMatching(
    /^The connection is not encrypted \(allowInsecure\): ws:\/\/0\.0\.0\.0:\d+\.$/,
  ),
};

test("a drain over ws:// to another machine says so in its report", async () => {
  const server = await labServer();
  await server.createStream("ORDERS");
  await server.createConsumer("ORDERS", "worker");
  expect(await drainAt(server.ports.ws)).toMatchObject({ outcome: "completed", findings: [FINDING] });
});

test("a drain that could not connect says so too, and so does one that was refused", async () => {
  const { port } = await labRefusedPort();
  const failed = await drainAt(port);
  expect(failed).toMatchObject({ reason: "connect-failed", findings: [FINDING] });
  expect(JSON.stringify(failed)).not.toContain("secret");
  const server = await labServer();
  const auth = { token: "wrong" };
  expect(await drainAt(server.ports.ws, { auth })).toMatchObject({
    reason: "unauthorized",
    findings: [FINDING],
  });
});
