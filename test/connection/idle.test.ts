// A proxy that cuts what is idle, as those of clouds do after 60 to 100 seconds: a long handler outlives it.
import { expect, test } from "vitest";
import { defineDrain, type Report } from "../../src/index.ts";
import { labProxy, labServer } from "../support/lab-client.ts";

const CUT_AFTER_MS = 3_000;
// nats-server itself sends a PING some 2 s after the sign-in, and the next one minutes later.
const HANDLER_MS = 6_500;

/** A drain of one message whose handler takes longer than the proxy waits; nothing else has a reason to be sent. */
async function drainThroughProxy(pingIntervalMs: number): Promise<Report> {
  const server = await labServer();
  await server.createStream("ORDERS");
  await server.createConsumer("ORDERS", "worker", { ack_wait: 60_000 * 1e6 });
  await server.publish("ORDERS.new", 1);
  const proxy = await labProxy(server);
  await proxy.idle(CUT_AFTER_MS);
  const drain = defineDrain({
    servers: proxy.url,
    auth: { user: "drain", password: "drain-pw" },
    stream: "ORDERS",
    consumer: "worker",
    batch: 1,
    pingIntervalMs,
    handler: () => new Promise<void>((resolve) => setTimeout(resolve, HANDLER_MS)),
  });
  return await drain.run({ limitMs: 20_000 });
}

test("pingIntervalMs keeps the connection of a long handler open, which is cut without", async () => {
  const [kept, cut] = await Promise.all([drainThroughProxy(1_000), drainThroughProxy(20_000)]);
  expect(kept).toMatchObject({ outcome: "completed", acked: 1 });
  expect(cut).toMatchObject({ outcome: "retryable", reason: "connection-lost", unconfirmed: 1 });
});
