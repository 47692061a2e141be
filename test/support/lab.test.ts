// The laboratory's pieces do what they say: the conformance suite rests on them.
import { describe, expect, test } from "vitest";
import { type DrainSettings, defineDrain, type Handler, type Report, reject } from "../../src/index.ts";
import {
  type LabCluster,
  type LabServer,
  labCluster,
  labJwtServer,
  labMutePeer,
  labNkeyServer,
  labProxy,
  labRefusedPort,
  labServer,
  labSilentPeer,
  labStatusPeer,
} from "./lab-client.ts";

const AUTH = { user: "drain", password: "drain-pw" };

type Overrides = Partial<DrainSettings> & { readonly handler?: Handler };

function drain(servers: string, options: Overrides = {}, limitMs = 10_000): Promise<Report> {
  return defineDrain({
    servers,
    auth: AUTH,
    stream: "S",
    consumer: "C",
    maxWaitMs: 500,
    handler: () => {},
    ...options,
  }).run({ limitMs });
}

/** The stream and the consumer that {@link drain} drains, with messages. */
async function stock(server: LabServer | LabCluster, count: number): Promise<void> {
  await server.createStream("S");
  await server.createConsumer("S", "C");
  await server.publish("S.event", count);
}

describe("a peer that is no nats-server", () => {
  for (const [name, start] of [
    ["accepts and stays silent", labSilentPeer],
    ["upgrades and stays silent", labMutePeer],
  ] as const) {
    test(`${name}: the connection times out, and is gone`, async () => {
      const peer = await start();
      const report = await drain(peer.wsUrl, { connectTimeoutMs: 300 });
      expect(report).toMatchObject({ outcome: "retryable", reason: "connect-timeout" });
      await expect.poll(() => peer.accepted()).toBe(1);
      await peer.onceConnections(0);
    });
  }

  test.for([
    [401, "unauthorized"],
    [403, "unauthorized"],
    [404, "connect-failed"],
    [502, "connect-failed"],
    [302, "connect-failed"],
  ] as const)("answers the upgrade with %i: the report says so", async ([status, reason]) => {
    const peer = await labStatusPeer(status, status === 302 ? { Location: "http://127.0.0.1:1/" } : {});
    const report = await drain(peer.wsUrl);
    expect(report).toMatchObject({ reason, message: expect.stringContaining(`HTTP ${status}`) });
    expect((await fetch(peer.wsUrl.replace("ws", "http"), { redirect: "manual" })).status).toBe(status);
  });

  test("refuses the connection", async () => {
    const { wsUrl } = await labRefusedPort();
    expect(await drain(wsUrl)).toMatchObject({ outcome: "retryable", reason: "connect-failed" });
  });
});

describe("a server with JWTs", () => {
  test("lets the good user drain, and refuses the expired, the revoked and the stranger", async () => {
    const server = await labJwtServer();
    await stock(server, 1);
    const { creds } = server;
    expect(await drain(server.wsUrl, { auth: { creds: creds.good } })).toMatchObject({
      reason: "empty",
      acked: 1,
    });
    for (const refused of [creds.expired, creds.revoked, creds.stranger]) {
      expect(await drain(server.wsUrl, { auth: { creds: refused } })).toMatchObject({
        reason: "unauthorized",
      });
    }
  });

  test("ends a connection whose credentials expire during the drain", async () => {
    const server = await labJwtServer();
    await stock(server, 0);
    const creds = await server.shortLived(2);
    const report = await drain(server.wsUrl, { auth: { creds }, maxWaitMs: 9_000 }, 20_000);
    expect(report).toMatchObject({ outcome: "fatal", reason: "unauthorized", fetched: 0 });
  });

  test("or with an nkey, lets its owner drain and nobody else", async () => {
    const server = await labNkeyServer();
    await stock(server, 1);
    const { seed, wrongSeed } = server;
    expect(await drain(server.wsUrl, { auth: { nkeySeed: seed } })).toMatchObject({
      reason: "empty",
      acked: 1,
    });
    expect(await drain(server.wsUrl, { auth: { nkeySeed: wrongSeed } })).toMatchObject({
      reason: "unauthorized",
    });
  });
});

test("a cluster elects another leader of a consumer whose leader was killed, and the drain goes on there", async () => {
  const cluster = await labCluster();
  await stock(cluster, 3);
  const first = await cluster.stepDown("S", "C");
  expect(await cluster.consumerLeader("S", "C")).toBe(first);
  await cluster.kill(first);
  await cluster.publish("S.event", 1); // waits for a leader of the stream, should it have been on the same node
  const second = await cluster.consumerLeader("S", "C");
  expect(second).not.toBe(first);
  expect(await drain(cluster.wsUrls[second] ?? "")).toMatchObject({ reason: "empty", fetched: 4, acked: 4 });
  expect(await cluster.consumerState("S", "C")).toMatchObject({ pending: 0, ackPending: 0 });
});

describe("a server of the laboratory", () => {
  test("tells its connections and its messages, and updates a consumer", async () => {
    const server = await labServer();
    await server.createStream("S");
    await server.createStream("DLQ", { subjects: ["dlq.>"] });
    await server.createConsumer("S", "C");
    await server.updateConsumer("S", "C", { max_ack_pending: 7 });
    expect(await server.consumerConfig("S", "C")).toMatchObject({ max_ack_pending: 7 });
    await server.publish("S.event", 1, ["poison"]);
    let during = 0;
    await drain(server.wsUrl, {
      deadLetter: { subject: "dlq.S", maxDeliveries: 5 },
      handler: async () => {
        during = await server.connections();
        return reject("bad");
      },
    });
    expect(during).toBe(1);
    // The server hears a moment later that the drain has hung up.
    await expect.poll(() => server.connections()).toBe(0);
    expect(await server.messages("S")).toEqual([
      { sequence: 1, subject: "S.event", data: "poison", headers: {} },
    ]);
    const [deadLetter] = await server.messages("DLQ");
    expect(deadLetter).toMatchObject({ subject: "dlq.S", data: "poison" });
    expect(deadLetter?.headers["Nats-Msg-Id"]).toBeDefined();
  });

  test("pauses a consumer from 2.11 on", async () => {
    const server = await labServer();
    await stock(server, 1);
    const [major = 0, minor = 0] = server.version.split(".").map(Number);
    const pausing = server.pauseConsumer("S", "C", Date.now() + 60_000);
    if (major > 2 || minor >= 11) {
      await pausing;
      expect(await drain(server.wsUrl)).toMatchObject({ reason: "empty", fetched: 0 });
      await server.pauseConsumer("S", "C", 0);
    } else {
      await expect(pausing).rejects.toThrow("cannot pause");
    }
    expect(await drain(server.wsUrl)).toMatchObject({ fetched: 1 });
  });

  test("is seen through a proxy that waits for a text of the server's", async () => {
    const server = await labServer();
    await stock(server, 0);
    const proxy = await labProxy(server);
    const heartbeat = proxy.onceDownText("Idle Heartbeat");
    const report = drain(proxy.url, { maxWaitMs: 5_000 });
    await heartbeat;
    await proxy.cut();
    expect(await report).toMatchObject({ reason: "connection-lost", heartbeats: 1 });
  });
});
