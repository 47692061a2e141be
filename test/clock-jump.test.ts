// The wall clock may jump; a drain goes by another one.
import { afterEach, expect, test, vi } from "vitest";
import { defineDrain } from "../src/index.ts";
import { labServer } from "./support/lab-client.ts";

afterEach(() => void vi.useRealTimers());

test.for([3_600_000, -3_600_000])(
  "a wall clock that jumps by %d ms changes neither the ending nor the timings",
  async (jumpMs) => {
    const server = await labServer();
    await server.createStream("S");
    await server.createConsumer("S", "c");
    await server.publish("S.event", 5);
    vi.useFakeTimers({ toFake: ["Date"] });
    const handler = async ({ sequence }: { sequence: number }): Promise<void> => {
      if (sequence === 2) vi.setSystemTime(Date.now() + jumpMs);
      await new Promise((resolve) => setTimeout(resolve, 20));
    };
    const auth = { user: "drain", password: "drain-pw" };
    const options = { servers: server.wsUrl, auth, stream: "S", consumer: "c", maxWaitMs: 500, handler };
    const report = await defineDrain(options).run({ limitMs: 8_000 });
    expect(report).toMatchObject({ outcome: "completed", reason: "empty", acked: 5 });
    expect(report.timings.totalMs).toBeGreaterThan(80);
    expect(report.timings.totalMs).toBeLessThan(8_000);
  },
);

test("without permission for consumer info a missing consumer is named, and a guessed ack wait is told", async () => {
  const publish = '"$JS.API.CONSUMER.MSG.NEXT.*.*", "$JS.ACK.>"';
  const server = await labServer({
    authorization: `accounts { APP { jetstream: enabled, users: [ { user: admin, password: "admin-pw" },
      { user: drain, password: "drain-pw", permissions: { publish: { allow: [ ${publish} ] }, subscribe: { allow: ["_INBOX.>"] } } } ] } }`,
  });
  await server.createStream("S");
  await server.createConsumer("S", "c", { ack_wait: 1_000 * 1e6 });
  await server.publish("S.event", 1);
  const auth = { user: "drain", password: "drain-pw" };
  const options = { servers: server.wsUrl, auth, stream: "S", heartbeatMs: 200, maxWaitMs: 700 };
  const missing = await defineDrain({ ...options, consumer: "nobody", handler: () => {} }).run({
    limitMs: 6_000,
  });
  expect(missing.outcome).not.toBe("completed");
  expect(missing.message).toContain('"nobody"');
  expect(
    await defineDrain({ ...options, consumer: "c", handler: () => {} }).run({ limitMs: 6_000 }),
  ).toMatchObject({
    acked: 1,
  });
});
