// A user who may not ask for consumer info: the drain does its work, and says what it could not know.
import { expect, test } from "vitest";
import { defineDrain, type Handler, type Report } from "../../src/index.ts";
import { labServer } from "../support/lab-client.ts";

async function given(consumer: Record<string, unknown>) {
  const publish = `["$JS.API.CONSUMER.MSG.NEXT.>", "$JS.ACK.>"]`;
  const server = await labServer({
    authorization: `accounts { APP { jetstream: enabled, users: [
      { user: admin, password: "admin-pw" }
      { user: drain, password: "drain-pw", permissions: { publish: ${publish}, subscribe: ["_INBOX.>"] } }
    ] } }`,
  });
  await server.createStream("ORDERS");
  await server.createConsumer("ORDERS", "worker", consumer);
  await server.publish("ORDERS.new", 3);
  const base = { servers: server.wsUrl, auth: { user: "drain", password: "drain-pw" } };
  return (handler: Handler): Promise<Report> =>
    defineDrain({ ...base, stream: "ORDERS", consumer: "worker", retryDelay: () => 60_000, handler }).run({
      limitMs: 5_000,
    });
}

const codes = ({ findings }: Report): string[] => findings.map(({ code }) => code);

test("what is handled is acked, and nothing is said to be unknown that does not matter", async () => {
  const drain = await given({ max_deliver: 1 });
  const report = await drain(() => {});
  expect(report).toMatchObject({ outcome: "completed", fetched: 3, acked: 3, findings: [] });
});

test("what fails counts as retried, and a finding says that it may have been the last delivery", async () => {
  const drain = await given({ max_deliver: 1 });
  const report = await drain(({ sequence }) =>
    sequence === 2 ? Promise.reject(new Error("no")) : undefined,
  );
  expect(report).toMatchObject({ outcome: "completed", fetched: 3, acked: 2, retried: 1 });
  expect(codes(report)).toContain("max-deliver-unknown");
  expect(report.findings.find(({ code }) => code === "max-deliver-unknown")?.message).toContain("ORDERS:2");
});
