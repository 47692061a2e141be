// An address that can never work is in need of an operator, and says what is wrong with it.
import { expect, test } from "vitest";
import { defineDrain, type Report } from "../../src/index.ts";
import { labServer } from "../support/lab-client.ts";

async function drain(servers: string | readonly string[]): Promise<Report> {
  const auth = { user: "drain", password: "drain-pw" };
  const options = { servers, auth, stream: "ORDERS", consumer: "worker", handler: () => {} };
  return await defineDrain(options).run({ limitMs: 4_000 });
}

test("the port of nats-server's TCP clients, and wss:// to a listener without TLS: invalid-options", async () => {
  const { ports } = await labServer();
  const tcp = await drain(`ws://127.0.0.1:${ports.nats}`);
  expect(tcp).toMatchObject({ outcome: "fatal", reason: "invalid-options" });
  expect(tcp.message).toContain("no HTTP");
  const plain = await drain(`wss://127.0.0.1:${ports.ws}`);
  expect(plain).toMatchObject({ outcome: "fatal", reason: "invalid-options" });
  expect(plain.message).toContain("no TLS");
});

test("the port of nats-server's TCP clients among several addresses: the others are tried", async () => {
  const server = await labServer();
  await server.createStream("ORDERS");
  await server.createConsumer("ORDERS", "worker");
  await server.publish("ORDERS.new", 1);
  const servers = [`ws://127.0.0.1:${server.ports.nats}`, server.wsUrl];
  expect(await drain(servers)).toMatchObject({ outcome: "completed", acked: 1 });
});
