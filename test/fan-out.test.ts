// Drains that call others, on a real server: as many as the consumer has room for, and each message handled once.
import { expect, test } from "vitest";
import { defineDrain, type MergedReport } from "../src/index.ts";
import { fanOut, type Self } from "../src/triggers/cloudflare.ts";
import { type LabServer, labServer } from "./support/lab-client.ts";

const BACKLOG = 60;
const NO_INFO = `accounts { APP { jetstream: enabled, users: [ { user: admin, password: "admin-pw" }, { user: drain,
  password: "drain-pw", permissions: { subscribe: { allow: ["_INBOX.>"] },
  publish: { allow: ["$JS.API.CONSUMER.MSG.NEXT.*.*", "$JS.ACK.>"] } } } ] } }`;

type Config = Parameters<LabServer["createConsumer"]>[2];

async function given(config: Config = {}, options: Parameters<typeof labServer>[0] = {}) {
  const server = await labServer(options);
  await server.createStream("S");
  await server.createConsumer("S", "c", config);
  await server.publish("S.event", BACKLOG);
  const handled: number[] = [];
  const drain = defineDrain({
    servers: server.wsUrl,
    auth: { user: "drain", password: "drain-pw" },
    stream: "S",
    consumer: "c",
    fetches: 10,
    maxWaitMs: 2_000,
    concurrency: 2,
    handler: async ({ sequence }) => {
      handled.push(sequence);
      await new Promise((resolve) => setTimeout(resolve, 10));
    },
  });
  const self: Self = { drain: (call) => drain.run(call) };
  const together = (max: number, by: Self = self): Promise<MergedReport> =>
    fanOut({ max, self: by })(drain).run({ limitMs: 10_000 });
  return { server, handled, drain, together };
}

function expectAllOnce(handled: readonly number[], { fetched, acked, drains }: MergedReport): void {
  expect([handled.length, new Set(handled).size]).toEqual([BACKLOG, BACKLOG]);
  const sum = (count: "fetched" | "acked"): number =>
    drains.reduce((total, report) => total + report[count], 0);
  expect({ fetched, acked }).toEqual({ fetched: sum("fetched"), acked: sum("acked") });
}

const caps: [what: string, config: Config, options: Parameters<typeof labServer>[0], drains: number][] = [
  ["max, of a long backlog", {}, {}, 4],
  ["what max ack pending leaves room for", { max_ack_pending: 5 }, {}, 2],
  ["what may wait under max waiting", { max_waiting: 3 }, {}, 3],
  ["max, where the user may not ask for consumer info", {}, { authorization: NO_INFO }, 4],
];
test.each(caps)("so many drains are called at once: %s", async (_what, config, options, drains) => {
  const { handled, together } = await given(config, options);
  const merged = await together(4);
  expect(merged).toMatchObject({ outcome: "completed", acked: BACKLOG, pending: 0 });
  expect(merged.drains).toHaveLength(drains);
  expectAllOnce(handled, merged);
});

test("a drain that fails in its own invocation costs no message and no other's report", async () => {
  const { handled, drain, together, server } = await given();
  let calls = 0;
  const merged = await together(3, {
    drain: (call) => {
      calls += 1;
      if (calls === 1) throw new Error("The script exceeded its time limit.");
      return drain.run(call);
    },
  });
  expect(merged).toMatchObject({ outcome: "retryable", reason: "connection-lost", acked: BACKLOG });
  expect(merged.message).toContain("exceeded its time limit");
  expectAllOnce(handled, merged);
  expect(await server.consumerState("S", "c")).toMatchObject({ pending: 0, ackPending: 0 });
});

test("a drain that is lost under its caller leaves its messages to come again", async () => {
  const { handled, drain, together, server } = await given({ ack_wait: 2_000 * 1e6 });
  const merged = await together(2, {
    drain: async (call) => {
      await drain.run({ limitMs: call.limitMs, alone: true });
      throw new Error("Network connection lost.");
    },
  });
  expect(merged).toMatchObject({ outcome: "retryable", reason: "connection-lost" });
  expect(merged.drains).toHaveLength(2);
  expect(merged.acked).toBe(merged.drains[0]?.acked);
  expect(handled).toHaveLength(BACKLOG);
  expect(await server.consumerState("S", "c")).toMatchObject({ pending: 0, ackPending: 0 });
});
