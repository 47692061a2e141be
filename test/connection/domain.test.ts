// A JetStream domain: nats-server checks a user's permissions on the subject that it maps the domain's API to.
import { expect, test } from "vitest";
import { defineDrain, type Report } from "../../src/index.ts";
import { labServer } from "../support/lab-client.ts";

async function drainAs(publish: readonly string[]): Promise<Report> {
  const authorization = `accounts { APP { jetstream: enabled, users: [ { user: admin, password: "admin-pw" },
    { user: drain, password: "drain-pw", permissions: { subscribe: ["_INBOX.>"], publish: ${JSON.stringify(publish)} } } ] } }`;
  const server = await labServer({ domain: "hub", authorization });
  await server.createStream("S");
  await server.createConsumer("S", "c");
  await server.publish("S.event", 2);
  const auth = { user: "drain", password: "drain-pw" };
  const drain = defineDrain({
    servers: server.wsUrl,
    auth,
    stream: "S",
    consumer: "c",
    domain: "hub",
    handler: () => {},
  });
  return await drain.run({ limitMs: 6_000 });
}

test("a domain drains with the permissions of the API that the server maps it to", async () => {
  const report = await drainAs(["$JS.API.CONSUMER.MSG.NEXT.S.c", "$JS.API.CONSUMER.INFO.S.c", "$JS.ACK.>"]);
  expect(report).toMatchObject({ outcome: "completed", acked: 2, findings: [] });
});

test("a domain's API that the user may not ask ends the drain with permission-denied", async () => {
  const report = await drainAs([
    "$JS.hub.API.CONSUMER.MSG.NEXT.S.c",
    "$JS.hub.API.CONSUMER.INFO.S.c",
    "$JS.ACK.>",
  ]);
  expect(report).toMatchObject({ outcome: "fatal", reason: "permission-denied" });
  expect(report.message).toContain("$JS.API.CONSUMER.MSG.NEXT.S.c");
});
