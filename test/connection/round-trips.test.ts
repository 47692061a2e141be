// What a drain costs on a slow link, counted in round trips: by what could depend on what, whatever the clocks say.
import { expect, test } from "vitest";
import { defineDrain } from "../../src/index.ts";
import { countFlights, type Seen, watchProxy } from "../bench/flights.ts";
import { startTestServer } from "../support/nats.ts";
import { startProxy } from "../support/proxy.ts";

const LATENCY_MS = 150;

/** How often the client has sent something since the server's answer to the upgrade. */
function sentSinceOpen(seen: readonly Seen[]): number {
  const open = seen.findIndex(({ direction }) => direction === "down");
  return seen.slice(open).filter(({ direction }) => direction === "up").length;
}

test("a drain has its first message 2 round trips after the open socket, and knows the consumer before it pulls", async () => {
  await using server = await startTestServer();
  await server.createStream("ORDERS");
  await server.createConsumer("ORDERS", "worker");
  await server.publish("ORDERS.new", 2);
  await using proxy = await startProxy({ target: { host: "127.0.0.1", port: server.ports.ws } });
  const drain = defineDrain({
    servers: proxy.url(),
    auth: { user: "drain", password: "drain-pw" },
    stream: "ORDERS",
    consumer: "worker",
    batch: 1,
    handler: () => {},
  });
  await drain.run({ limitMs: 10_000 }); // what is compiled at first use delays what is sent

  proxy.latencyMs = LATENCY_MS;
  const seen = watchProxy(proxy);
  const informed = proxy
    .onceBytesDown((chunk) => chunk.includes("consumer_info_response"))
    .then(() => sentSinceOpen(seen));
  const report = await drain.run({ limitMs: 10_000 });
  const { open, firstDelivery, last } = countFlights(seen, LATENCY_MS, performance.now());

  expect(report).toMatchObject({ outcome: "completed", acked: 1 });
  expect(await informed).toBe(1); // the sign-in, and the question in it
  expect(firstDelivery.roundTrips - open.roundTrips).toBe(2);
  expect(last.roundTrips - open.roundTrips).toBe(3);
});
