// A neighbour in the account hears where the drain pulls to, and publishes there: nothing of it is a delivery.
import { wsconnect } from "@nats-io/nats-core";
import { expect, test } from "vitest";
import { scenarioServer } from "./bed.ts";

const given = scenarioServer();
/** One message is there: a drain of two waits for the other, and hears what else comes. */
const WAITING = { batch: 2, concurrency: 2, fill: true, maxWaitMs: 1_000 };

test.each([undefined, "nobody", "$JS.ACK", "$JS.API.STREAM.DELETE.ORDERS"])(
  "a message to the pull's inbox with the reply %s is a finding, and is not handled",
  async (reply) => {
    const { server, stream, drain } = await given(1);
    const neighbour = await wsconnect({ servers: server.wsUrl, user: "admin", pass: "admin-pw" });
    let forged = 0;
    neighbour.subscribe(`$JS.API.CONSUMER.MSG.NEXT.${stream}.worker`, {
      callback: (_, pull) => {
        forged += 1;
        if (pull.reply) neighbour.publish(pull.reply, "forged", reply === undefined ? {} : { reply });
      },
    });
    await neighbour.flush();
    const seen: string[] = [];
    const report = await drain({ ...WAITING, handler: (message) => void seen.push(message.text()) }, 10_000);
    await neighbour.close();
    expect(forged).toBeGreaterThan(0);
    expect(report).toMatchObject({ outcome: "completed", fetched: 1, acked: 1 });
    expect(seen).not.toContain("forged");
    expect(report.findings.map(({ code }) => code)).toContain("foreign-message");
  },
);

test("nats-server lets no neighbour publish with a reply that is a delivery's", async () => {
  const { server, stream, drain } = await given(1);
  const neighbour = await wsconnect({
    servers: server.wsUrl,
    user: "admin",
    pass: "admin-pw",
    reconnect: false,
  });
  let forged = 0;
  neighbour.subscribe(`$JS.API.CONSUMER.MSG.NEXT.${stream}.worker`, {
    callback: (_, pull) => {
      forged += 1;
      const reply = `$JS.ACK.${stream}.worker.1.9.9.1732500000000000000.0`;
      if (pull.reply) neighbour.publish(pull.reply, "forged", { reply });
    },
  });
  await neighbour.flush();
  const seen: string[] = [];
  const report = await drain({ handler: (message) => void seen.push(message.text()), until: "limit" }, 1_500);
  await neighbour.close();
  expect(forged).toBeGreaterThan(0);
  expect(seen).not.toContain("forged");
  expect(report).toMatchObject({ fetched: 1, acked: 1 });
});
