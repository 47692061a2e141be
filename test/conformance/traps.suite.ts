// The traps of nats.js on a short-lived function, each by its name, and that a drain does not step into it.
import { describe, expect, test } from "vitest";
import { defineDrain } from "../../src/index.ts";
import { labProxy, labServer } from "../support/lab-client.ts";
import { given, pullWaits, run } from "./faults.suite.ts";

const STREAM = "ORDERS";
const CONSUMER = "worker";
const state = (server: Awaited<ReturnType<typeof given>>) => server.consumerState(STREAM, CONSUMER);

/** Keeps the event loop from turning. */
function block(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export function trapSuite(runtime: string): void {
  describe(`the traps of nats.js, in ${runtime}`, () => {
    test("ack() then close(): the acks are lost", async () => {
      const server = await given(20, { consumer: { ack_wait: 60_000 * 1e6 } });
      for (let drained = 0; drained < 20; drained += 4) {
        expect(await run(server.wsUrl, { batch: 4 })).toMatchObject({ acked: 4 });
        // The server has them when run() returns, and not a moment later.
        expect(await state(server)).toMatchObject({ ackPending: 0, ackFloor: drained + 4 });
      }
    });

    test("a connection that drops during a fetch looks like an empty queue", async () => {
      const server = await given(0);
      const proxy = await labProxy(server);
      const running = run(proxy.url);
      await pullWaits(server);
      await proxy.cut();
      expect(await running).toMatchObject({ outcome: "retryable", reason: "connection-lost" });
    });

    test("a reconnect pulls a full batch again: more is delivered than was asked for", async () => {
      const server = await given(3);
      const proxy = await labProxy(server);
      const running = run(proxy.url, { batch: 5, fill: true, handler: () => pause(50) });
      await pullWaits(server);
      await proxy.cut();
      const report = await running;
      expect(report.fetched).toBe(3);
      expect(await proxy.counts()).toMatchObject({ accepted: 1 });
      // 3 deliveries, and none for a pull that nobody asked for.
      expect(await state(server)).toMatchObject({ delivered: 3 });
    });

    test("a slow handler makes a false 'heartbeats missed'", async () => {
      const server = await given(2, { consumer: { ack_wait: 60_000 * 1e6 } });
      const report = await run(server.wsUrl, {
        heartbeatMs: 100,
        maxWaitMs: 1_000,
        handler: () => pause(900),
      });
      expect(report).toMatchObject({ outcome: "completed", reason: "empty", acked: 2 });
    });

    test("a blocked event loop of one heartbeat makes a false 'heartbeats missed'", async () => {
      const server = await given(1);
      const options = { heartbeatMs: 300, maxWaitMs: 1_500, fill: true, batch: 5 };
      const report = await run(server.wsUrl, { ...options, handler: () => block(300) });
      expect(report).toMatchObject({ outcome: "completed", reason: "max-wait", acked: 1 });
    });

    test("a batch that takes longer than the ack wait is delivered again meanwhile", async () => {
      const server = await given(4);
      const report = await run(server.wsUrl, { handler: () => pause(450) });
      expect(report).toMatchObject({ outcome: "completed", fetched: 4, acked: 4 });
      expect(await state(server)).toMatchObject({ delivered: 4, redelivered: 0 });
    });

    test("heartbeat loss is seen after up to three heartbeats, and the default heartbeat is half of expires", async () => {
      const server = await given(0);
      const running = run(server.wsUrl, { heartbeatMs: 400, maxWaitMs: 3_000 });
      await pullWaits(server);
      await server.signal("SIGSTOP");
      const brokenAt = Date.now();
      const report = await running;
      expect(report.reason).toBe("heartbeat-lost");
      expect(report.endedAt - brokenAt).toBeLessThan(2 * 400 + 250 + 100);
    });

    test("a missing consumer looks like silence", async () => {
      const server = await given(1);
      const report = await run(server.wsUrl, { consumer: "missing" });
      expect(report.reason).toBe("consumer-not-found");
      expect(report.timings.totalMs).toBeLessThan(2_000);
    });

    test("close() against a frozen server never returns", async () => {
      const server = await given(1);
      const report = await run(server.wsUrl, {
        batch: 1,
        settleTimeoutMs: 300,
        handler: async () => {
          await server.signal("SIGSTOP");
        },
      });
      expect(report).toMatchObject({ reason: "connection-lost", unconfirmed: 1 });
      expect(report.timings.totalMs).toBeLessThan(1_500);
      await server.signal("SIGCONT");
    });

    test("user:password in the URL is dropped in silence", () => {
      const servers = "wss://drain:secret@nats.example.com";
      const define = () => defineDrain({ servers, stream: STREAM, consumer: CONSUMER, handler: () => {} });
      expect(define).toThrow(/servers: credentials do not belong in the URL/);
      expect(define).not.toThrow(/secret/);
    });

    test("a certificate that is not trusted never settles", async () => {
      const server = await given(1, { certificate: "selfSigned" });
      const report = await run(server.wsUrl);
      expect(report).toMatchObject({ outcome: "retryable", reason: "connect-failed" });
      expect(report.timings.totalMs).toBeLessThan(3_000);
    });
  });

  describe(`options of the connection, in ${runtime}`, () => {
    test("a JetStream domain", async () => {
      const server = await labServer({
        config: "jetstream { domain: hub }",
        authorization: "authorization { user: admin, password: admin-pw }",
      });
      await server.createStream(STREAM);
      await server.createConsumer(STREAM, CONSUMER);
      await server.publish(`${STREAM}.new`, 2);
      const auth = { user: "admin", password: "admin-pw" };
      expect(await run(server.wsUrl, { auth, domain: "hub" })).toMatchObject({
        outcome: "completed",
        acked: 2,
      });
      expect(await run(server.wsUrl, { auth, domain: "elsewhere" })).toMatchObject({
        reason: "jetstream-unavailable",
      });
    });

    test("ack subjects of the second form, with a domain and an account hash", async ({ skip }) => {
      const server = await labServer();
      if (/^2\.(9|1[0-4])\./.test(server.version))
        skip(`nats-server ${server.version} sends the first form only`);
      const newer = await given(3, { config: "feature_flags { js_ack_fc_v2: true }" });
      let form = "";
      const report = await run(newer.wsUrl, {
        handler: (message) => {
          form = `${message.stream} ${message.consumer} ${message.sequence} ${message.deliveryCount}`;
        },
      });
      expect(report).toMatchObject({ outcome: "completed", acked: 3, pending: 0 });
      expect(form).toBe(`${STREAM} ${CONSUMER} 3 1`);
      expect(await state(newer)).toMatchObject({ ackPending: 0, ackFloor: 3 });
    });

    test("an inbox prefix, where the permissions ask for one", async () => {
      const permissions = `{ publish: ["$JS.API.CONSUMER.>", "$JS.ACK.>"], subscribe: ["_INBOX_drain.>"] }`;
      const server = await given(2, {
        authorization: `accounts { APP { jetstream: enabled, users: [
          { user: admin, password: "admin-pw" }
          { user: drain, password: "drain-pw", permissions: ${permissions} }
        ] } }`,
      });
      expect(await run(server.wsUrl)).toMatchObject({ reason: "permission-denied" });
      expect(await run(server.wsUrl, { inboxPrefix: "_INBOX_drain" })).toMatchObject({
        outcome: "completed",
        acked: 2,
      });
    });
  });
}
