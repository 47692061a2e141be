// A stream of another account, whose JetStream is imported by half, after reports on nats-server's clients: the drain does
// what it can, and its report names the half that is missing.
import { expect, test } from "vitest";
import { defineDrain } from "../../src/index.ts";
import { labServer } from "../support/lab-client.ts";

async function given(exports: readonly string[], imports: readonly string[]) {
  const server = await labServer({
    authorization: `accounts {
      OWNER { jetstream: enabled, users: [ { user: admin, password: "admin-pw" } ], exports: [ ${exports} ] }
      OTHER { users: [ { user: drain, password: "drain-pw" } ], imports: [ ${imports} ] }
    }`,
  });
  await server.createStream("ORDERS");
  await server.createConsumer("ORDERS", "worker", { ack_wait: 20_000 * 1e6 });
  await server.publish("ORDERS.new", 6);
  const base = { servers: server.wsUrl, auth: { user: "drain", password: "drain-pw" }, domain: "OWNER" };
  const drain = defineDrain({
    ...base,
    stream: "ORDERS",
    consumer: "worker",
    concurrency: 3,
    maxWaitMs: 300,
    handler: () => {},
  });
  return { server, drain: () => drain.run({ limitMs: 8_000 }) };
}

const API = `{ service: { account: OWNER, subject: "$JS.API.>" }, to: "$JS.OWNER.API.>" }`;
const ACKS = `{ service: { account: OWNER, subject: "$JS.ACK.>" } }`;

test("all of it is imported: the drain is as any other", async () => {
  const exports = [`{ service: "$JS.API.>", response_type: stream }`, `{ service: "$JS.ACK.>" }`];
  const { drain } = await given(exports, [API, ACKS]);
  expect(await drain()).toMatchObject({ reason: "empty", acked: 6, findings: [] });
});

// nats-io/nats.java #1481: a consumer of an imported JetStream whose acks go nowhere.
test("the acks are not imported: nothing is said to be acked, and the report says where they went", async () => {
  const { server, drain } = await given([`{ service: "$JS.API.>", response_type: stream }`], [API]);
  const report = await drain();
  expect(report).toMatchObject({ reason: "jetstream-unavailable", fetched: 6, acked: 0, unconfirmed: 6 });
  expect(report.message).toContain("$JS.ACK.>");
  expect(await server.consumerState("ORDERS", "worker")).toMatchObject({ ackPending: 6 });
});

// nats-io/nats.js PR #150: an export that lets one answer through gives one message of a whole batch.
test("the API is exported for single answers: what comes is acked, and the report names the export", async () => {
  const exports = [`{ service: "$JS.API.>" }`, `{ service: "$JS.ACK.>" }`];
  const { drain } = await given(exports, [API, ACKS]);
  const report = await drain();
  expect(report).toMatchObject({ reason: "heartbeat-lost", fetched: 1, acked: 1 });
  expect(report.message).toContain("response_type: stream");
});
