// Every fault of fault-table.ts, caused for real: what the drain says of it, when, and that nothing is lost.
import { afterAll, describe, expect, test } from "vitest";
import {
  type DrainSettings,
  defineDrain,
  type Handler,
  REASONS,
  type Report,
  reject,
} from "../../src/index.ts";
import type { LabServerOptions } from "../support/lab.ts";
import {
  type LabCluster,
  type LabJwtServer,
  type LabProxy,
  type LabServer,
  labCluster,
  labJwtServer,
  labMutePeer,
  labNkeyServer,
  labProxy,
  labRefusedPort,
  labScripted,
  labServer,
  labSilentPeer,
  labStatusPeer,
} from "../support/lab-client.ts";
import type { Step } from "../support/scripted/script.ts";
import { FAULTS, type FaultId, reasonsOf } from "./fault-table.ts";

const AUTH = { user: "drain", password: "drain-pw" };
const STREAM = "ORDERS";
const CONSUMER = "worker";
const HEARTBEAT_MS = 300;
const LIMIT_MS = 6_000;
const OPTIONS = {
  auth: AUTH,
  stream: STREAM,
  consumer: CONSUMER,
  heartbeatMs: HEARTBEAT_MS,
  maxWaitMs: 3_000,
  // All that is there in one pull request, so that it is over, or under way, when the fault comes.
  prefetch: 100,
};

/** A server with a stream, a consumer and messages, and optionally a proxy before it. */
export async function given(
  count: number,
  settings: LabServerOptions & { readonly consumer?: Record<string, unknown> } = {},
): Promise<LabServer> {
  const { consumer, ...options } = settings;
  const server = await labServer(options);
  await server.createStream(STREAM);
  await server.createConsumer(STREAM, CONSUMER, { ack_wait: 1_000 * 1e6, ...consumer });
  if (count > 0) await server.publish(`${STREAM}.new`, count);
  return server;
}

/** Options of a test's own. */
type Overrides = Partial<DrainSettings> & { readonly handler?: Handler };

/** Runs a drain; `once` is called when its pull waits at the server, or, given messages, in the handler of the first. */
export async function run(
  servers: string,
  options: Overrides = {},
  limitMs = LIMIT_MS,
): Promise<Report & { readonly endedAt: number }> {
  const drain = defineDrain({ ...OPTIONS, servers, ...options, handler: options.handler ?? (() => {}) });
  const report = await drain.run({ limitMs });
  return { ...report, endedAt: Date.now() };
}

/** Resolves when a pull request waits at the server. */
export async function pullWaits(server: LabServer): Promise<void> {
  await expect
    .poll(async () => (await server.consumerState(STREAM, CONSUMER)).waiting, {
      timeout: 5_000,
      interval: 10,
    })
    .toBeGreaterThan(0);
}

/** A handler whose first message waits for what `during` does. */
function meanwhile(during: () => Promise<unknown>): () => Promise<void> {
  let first: Promise<unknown> | undefined;
  return async () => {
    first ??= during();
    await first;
  };
}

const caused = new Set<FaultId>();

/** What every report must be, whatever went wrong. */
function expectTruth(id: FaultId, report: Report, limitMs = LIMIT_MS): void {
  const { outcome, retryAfterMs } = REASONS[report.reason];
  expect(reasonsOf(id)).toContain(report.reason);
  expect(report.outcome).toBe(outcome);
  expect(report.message.length).toBeGreaterThan(20);
  expect(report.retryAfterMs).toBe(retryAfterMs);
  const { fetched, acked, retried, rejected, deadLettered, released, exhausted, unconfirmed } = report;
  expect(acked + retried + rejected + deadLettered + released + exhausted + unconfirmed).toBe(fetched);
  expect(report.timings.totalMs).toBeLessThan(limitMs);
  expect(JSON.stringify(report)).not.toMatch(/drain-pw|message \d/);
}

/** A test of the fault by that name. */
function fault(id: FaultId, body: (skip: (why: string) => void) => Promise<void>): void {
  caused.add(id);
  test(`${FAULTS[id].cause}: ${reasonsOf(id).join(" or ")}`, ({ skip }) => body(skip));
}

/** The drain after the dust has settled: everything that was not confirmed is there again. */
async function expectRedelivered(server: LabServer, count: number): Promise<void> {
  const again = await run(server.wsUrl, { fill: true, batch: count, maxWaitMs: 4_000 }, 8_000);
  expect(again).toMatchObject({ outcome: "completed", fetched: count, acked: count });
}

/** Loss is seen within two heartbeats and a quarter of a second of the last frame, here a little later by the test's own way. */
function expectPromptLoss(report: { readonly endedAt: number }, brokenAt: number): void {
  expect(report.endedAt - brokenAt).toBeLessThan(2 * HEARTBEAT_MS + 250 + 150);
}

export function faultSuite(runtime: string): void {
  describe(`a drain in ${runtime}, when`, () => {
    serverFaults();
    networkFaults();
    configurationFaults();
    refusals();
    addressFaults();
    credentialFaults();
    clusterFaults();
    scriptedFaults();
    // The table, which docs/reasons.md shows, and the suite are one list.
    afterAll(() => expect([...caused].toSorted()).toEqual(Object.keys(FAULTS).toSorted()));
  });
}

function serverFaults(): void {
  fault("frozen-mid-fetch", async () => {
    const server = await given(0);
    const running = run(server.wsUrl);
    await pullWaits(server);
    await server.signal("SIGSTOP");
    const brokenAt = Date.now();
    const report = await running;
    expectTruth("frozen-mid-fetch", report);
    expectPromptLoss(report, brokenAt);
  });

  fault("frozen-mid-handling", async () => {
    const server = await given(3);
    const handler = meanwhile(() => server.signal("SIGSTOP"));
    const report = await run(server.wsUrl, { batch: 3, handler });
    expectTruth("frozen-mid-handling", report);
    expect(report).toMatchObject({ fetched: 3, acked: 0, unconfirmed: 3 });
    await server.signal("SIGCONT");
  });

  fault("frozen-while-settling", async () => {
    const server = await given(2);
    let handled = 0;
    const handler = async (): Promise<void> => {
      handled += 1;
      if (handled === 2) await server.signal("SIGSTOP");
    };
    const report = await run(server.wsUrl, { batch: 2, handler, settleTimeoutMs: 500 });
    expectTruth("frozen-while-settling", report);
    expect(report.unconfirmed).toBeGreaterThanOrEqual(1);
    await server.signal("SIGCONT");
  });

  fault("frozen-while-closing", async () => {
    const server = await given(2);
    const proxy = await labProxy(server);
    let frozen: Promise<void> | undefined;
    const handler = async (): Promise<void> => {
      // The leader's receipt, an empty message, confirms the settlements: then there is only closing left. The answer of
      // consumer info, which travels beside it, may come before it.
      frozen ??= proxy.onceDownText(" 0\r\n\r\n").then(() => server.signal("SIGSTOP"));
      // A call after it in the laboratory: by its answer that watch stands.
      await server.consumerState(STREAM, CONSUMER);
    };
    const report = await run(proxy.url, { batch: 2, handler });
    expectTruth("frozen-while-closing", report);
    expect(report).toMatchObject({ acked: 2, unconfirmed: 0 });
    await frozen;
    await server.signal("SIGCONT");
    expect(await server.consumerState(STREAM, CONSUMER)).toMatchObject({ pending: 0, ackPending: 0 });
  });

  fault("killed-mid-fetch", async () => {
    const server = await given(0);
    const running = run(server.wsUrl);
    await pullWaits(server);
    await server.signal("SIGKILL");
    const brokenAt = Date.now();
    const report = await running;
    expectTruth("killed-mid-fetch", report);
    expectPromptLoss(report, brokenAt);
  });

  fault("killed-mid-handling", async () => {
    const server = await given(3);
    const report = await run(server.wsUrl, { batch: 3, handler: meanwhile(() => server.signal("SIGKILL")) });
    expectTruth("killed-mid-handling", report);
    expect(report).toMatchObject({ fetched: 3, acked: 0, unconfirmed: 3 });
  });

  fault("shut-down-mid-fetch", async () => {
    const server = await given(0);
    const running = run(server.wsUrl);
    await pullWaits(server);
    await server.signal("SIGTERM");
    expectTruth("shut-down-mid-fetch", await running);
  });

  fault("lame-duck-mid-fetch", async () => {
    const server = await given(0, { config: 'lame_duck_duration: "30s", lame_duck_grace_period: "1s"' });
    const running = run(server.wsUrl);
    await pullWaits(server);
    await server.signal("SIGUSR2");
    expectTruth("lame-duck-mid-fetch", await running);
  });
}

function networkFaults(): void {
  /** A drain through a proxy, with its pull waiting. */
  async function waiting(): Promise<{ proxy: LabProxy; running: ReturnType<typeof run> }> {
    const server = await given(0);
    const proxy = await labProxy(server);
    const running = run(proxy.url);
    await pullWaits(server);
    return { proxy, running };
  }

  fault("cut-mid-fetch", async () => {
    const { proxy, running } = await waiting();
    await proxy.cut();
    const brokenAt = Date.now();
    const report = await running;
    expectTruth("cut-mid-fetch", report);
    expectPromptLoss(report, brokenAt);
  });

  fault("cut-mid-handling", async () => {
    const server = await given(3);
    const proxy = await labProxy(server);
    const report = await run(proxy.url, { batch: 3, handler: meanwhile(() => proxy.cut()) });
    expectTruth("cut-mid-handling", report);
    expect(report).toMatchObject({ fetched: 3, acked: 0, unconfirmed: 3 });
    await expectRedelivered(server, 3);
  });

  fault("half-open-mid-fetch", async () => {
    const { proxy, running } = await waiting();
    await proxy.halfOpen();
    const brokenAt = Date.now();
    const report = await running;
    expectTruth("half-open-mid-fetch", report);
    expectPromptLoss(report, brokenAt);
  });

  fault("deaf-mid-fetch", async () => {
    const { proxy, running } = await waiting();
    await proxy.blackhole("down");
    const brokenAt = Date.now();
    const report = await running;
    expectTruth("deaf-mid-fetch", report);
    expectPromptLoss(report, brokenAt);
  });

  fault("mute-mid-handling", async () => {
    const server = await given(3);
    const proxy = await labProxy(server);
    const report = await run(proxy.url, {
      batch: 3,
      handler: meanwhile(() => proxy.blackhole("up")),
      settleTimeoutMs: 500,
    });
    expectTruth("mute-mid-handling", report);
    expect(report).toMatchObject({ fetched: 3, acked: 0, unconfirmed: 3 });
    await expectRedelivered(server, 3);
  });

  fault("slow-network", async () => {
    const server = await given(3);
    const proxy = await labProxy(server);
    await proxy.latency(300);
    const report = await run(proxy.url, { heartbeatMs: 100 }, 20_000);
    expectTruth("slow-network", report, 20_000);
    expect(report).toMatchObject({ fetched: 3, acked: 3 });
  });
}

function configurationFaults(): void {
  fault("consumer-deleted-mid-fetch", async () => {
    const server = await given(0);
    const running = run(server.wsUrl);
    await pullWaits(server);
    await server.deleteConsumer(STREAM, CONSUMER);
    expectTruth("consumer-deleted-mid-fetch", await running);
  });

  fault("stream-deleted-mid-fetch", async () => {
    const server = await given(0);
    const running = run(server.wsUrl);
    await pullWaits(server);
    await server.deleteStream(STREAM);
    expectTruth("stream-deleted-mid-fetch", await running);
  });

  // nats-server 2.9 then answers no pull request any more.
  fault("stream-deleted-between-pulls", async () => {
    const server = await given(3);
    const handler = meanwhile(() => server.deleteStream(STREAM));
    const report = await run(server.wsUrl, { handler, prefetch: 0, concurrency: 1, settleTimeoutMs: 500 });
    expectTruth("stream-deleted-between-pulls", report);
    expect(report).toMatchObject({ acked: 0 });
    expect(report.fetched).toBeLessThan(3);
  });

  fault("ack-policy-none", async () => {
    const server = await given(2, { consumer: { ack_policy: "none" } });
    const report = await run(server.wsUrl);
    expectTruth("ack-policy-none", report);
    expect(report.fetched).toBe(0);
  });

  fault("target-down", async () => {
    const server = await given(9);
    const handler = () => new Response(null, { status: 503 });
    const report = await run(server.wsUrl, { handler, stopAfterFailures: 3, retryDelay: () => 60_000 });
    expectTruth("target-down", report);
    expect(report).toMatchObject({ retried: 3, released: 6 });
  });

  fault("consumer-deleted-mid-handling", async () => {
    const server = await given(3);
    const handler = meanwhile(() => server.deleteConsumer(STREAM, CONSUMER));
    const report = await run(server.wsUrl, { batch: 3, handler, settleTimeoutMs: 500 });
    expectTruth("consumer-deleted-mid-handling", report);
    expect(report).toMatchObject({ fetched: 3, acked: 0, unconfirmed: 3 });
  });

  fault("out-of-deliveries", async () => {
    const server = await given(2, { consumer: { max_deliver: 1 } });
    const report = await run(server.wsUrl, { handler: () => Promise.reject(new Error("always")) });
    expectTruth("out-of-deliveries", report);
    expect(report).toMatchObject({ exhausted: 2, retried: 0 });
    expect(report.findings.map(({ code }) => code)).toContain("deliveries-exhausted");
  });

  fault("consumer-missing", async () => {
    const server = await given(1);
    expectTruth("consumer-missing", await run(server.wsUrl, { consumer: "missing" }));
  });

  fault("stream-missing", async () => {
    const server = await given(1);
    expectTruth("stream-missing", await run(server.wsUrl, { stream: "MISSING" }));
  });

  fault("push-consumer", async () => {
    const server = await given(1);
    await server.createConsumer(STREAM, "pushed", { deliver_subject: "push.here" });
    expectTruth("push-consumer", await run(server.wsUrl, { consumer: "pushed" }));
  });

  fault("max-waiting-full", async () => {
    const server = await given(0, { consumer: { max_waiting: 1 } });
    const other = run(server.wsUrl);
    await pullWaits(server);
    const report = await run(server.wsUrl);
    expectTruth("max-waiting-full", report);
    await other;
  });

  fault("max-ack-pending-reached", async () => {
    const server = await given(2, { consumer: { max_ack_pending: 1, ack_wait: 60_000 * 1e6 } });
    let report: Report | undefined;
    await run(server.wsUrl, {
      batch: 1,
      handler: async () => {
        report = await run(server.wsUrl, { maxWaitMs: 400 });
      },
    });
    if (!report) throw new Error("the first drain delivered nothing");
    expectTruth("max-ack-pending-reached", report);
  });

  fault("message-over-max-bytes", async () => {
    const server = await given(0);
    await server.publish(`${STREAM}.new`, 1, 10_000);
    expectTruth("message-over-max-bytes", await run(server.wsUrl, { maxBytes: 1_000 }));
  });

  fault("batch-over-limit", async () => {
    const server = await given(1, { consumer: { max_batch: 5 } });
    expectTruth("batch-over-limit", await run(server.wsUrl, { batch: 6 }));
  });

  fault("expires-over-limit", async () => {
    const server = await given(1, { consumer: { max_expires: 1_000 * 1e6 } });
    expectTruth("expires-over-limit", await run(server.wsUrl, { maxWaitMs: 2_000 }));
  });

  fault("bytes-over-limit", async () => {
    const server = await given(1, { consumer: { max_bytes: 1_000 } });
    expectTruth("bytes-over-limit", await run(server.wsUrl, {}));
  });

  fault("paused-consumer", async (skip) => {
    const server = await given(2);
    if (/^2\.(9|10)\./.test(server.version)) skip(`nats-server ${server.version} cannot pause a consumer`);
    await server.pauseConsumer(STREAM, CONSUMER, Date.now() + 60_000);
    const report = await run(server.wsUrl, { maxWaitMs: 400 });
    expectTruth("paused-consumer", report);
    expect(report).toMatchObject({
      fetched: 0,
      pending: 2,
      more: true,
      message: expect.stringContaining("paused"),
    });
  });

  fault("account-without-jetstream", async () => {
    const server = await labServer({
      authorization: `accounts { NONE { users: [{ user: drain, password: "drain-pw" }] }, APP { jetstream: enabled, users: [{ user: admin, password: "admin-pw" }] } }`,
    });
    expectTruth("account-without-jetstream", await run(server.wsUrl));
  });

  fault("server-without-jetstream", async () => {
    const server = await labServer({ jetstream: false });
    expectTruth("server-without-jetstream", await run(server.wsUrl));
  });

  fault("jetstream-disabled-mid-handling", async () => {
    const server = await given(3, {
      authorization: `accounts { APP { jetstream: enabled, users: [
        { user: drain, password: "drain-pw" }, { user: admin, password: "admin-pw" } ] } }`,
    });
    const handler = meanwhile(() => server.reload("APP { jetstream: enabled", "APP { jetstream: disabled"));
    const report = await run(server.wsUrl, { batch: 3, handler, settleTimeoutMs: 500 });
    expectTruth("jetstream-disabled-mid-handling", report);
    expect(report).toMatchObject({ fetched: 3, acked: 0, unconfirmed: 3 });
  });

  fault("connections-limited", async () => {
    // The admin has it.
    const server = await given(1, { config: "max_connections: 1" });
    const report = await run(server.wsUrl);
    expectTruth("connections-limited", report);
    expect(report.message).toContain("maximum connections exceeded");
  });
}

/** An account whose drain user may not do one thing. */
function without(deny: string): LabServerOptions {
  const permissions = `{ publish: { allow: ["$JS.API.CONSUMER.>", "$JS.ACK.>", "dlq.>"], deny: [${deny.startsWith("_INBOX") ? "" : `"${deny}"`}] }
    subscribe: { allow: ["_INBOX.>"], deny: [${deny.startsWith("_INBOX") ? `"${deny}"` : ""}] } }`;
  return {
    authorization: `accounts { APP { jetstream: enabled, users: [
      { user: admin, password: "admin-pw" }
      { user: drain, password: "drain-pw", permissions: ${permissions} }
    ] } }`,
  };
}

function refusals(): void {
  fault("wrong-password", async () => {
    const server = await given(1);
    expectTruth("wrong-password", await run(server.wsUrl, { auth: { user: "drain", password: "wrong" } }));
  });

  fault("wrong-token", async () => {
    const server = await labServer({
      authorization: "authorization { token: right }",
      adminLogin: { token: "right" },
    });
    expectTruth("wrong-token", await run(server.wsUrl, { auth: { token: "wrong" } }));
  });

  fault("pull-denied", async () => {
    const server = await given(1, without("$JS.API.CONSUMER.MSG.NEXT.>"));
    const report = await run(server.wsUrl);
    expectTruth("pull-denied", report);
    expect(report.message).toContain(`$JS.API.CONSUMER.MSG.NEXT.${STREAM}.${CONSUMER}`);
    // Not when max wait is over.
    expect(report.timings.totalMs).toBeLessThan(OPTIONS.maxWaitMs);
  });

  fault("ack-denied", async () => {
    const server = await given(20, without("$JS.ACK.>"));
    let handled = 0;
    const handler = async (): Promise<void> => {
      handled += 1;
      await new Promise((resolve) => setTimeout(resolve, 50));
    };
    const report = await run(server.wsUrl, { handler });
    expectTruth("ack-denied", report);
    expect(report).toMatchObject({ fetched: 20, acked: 0, unconfirmed: 20 });
    // nats-io/nats.net.v1 #525: nothing can be settled any more, and what starts then is done in vain.
    expect(handled).toBeLessThan(10);
  });

  fault("dead-letter-denied", async () => {
    const server = await given(1, without("dlq.>"));
    const handler = () => reject("no good");
    const report = await run(server.wsUrl, {
      handler,
      deadLetter: { subject: "dlq.orders" },
      settleTimeoutMs: 600,
    });
    expectTruth("dead-letter-denied", report);
    expect(report).toMatchObject({ fetched: 1, deadLettered: 0, retried: 1 });
    expect(report.message).toContain("dlq.orders");
    expect(await server.consumerState(STREAM, CONSUMER)).toMatchObject({ ackPending: 1 });
  });

  fault("inbox-denied", async () => {
    const server = await given(1, without("_INBOX.>"));
    const report = await run(server.wsUrl);
    expectTruth("inbox-denied", report);
    // Not when max wait is over.
    expect(report.timings.totalMs).toBeLessThan(OPTIONS.maxWaitMs);
  });

  fault("subscriptions-limited", async () => {
    // Deliveries would come, and no answer to any ack: what is handled then would come again for ever.
    const server = await given(3, { config: "max_subscriptions: 1" });
    let calls = 0;
    const handler = (): void => {
      calls += 1;
    };
    const report = await run(server.wsUrl, { handler });
    expectTruth("subscriptions-limited", report);
    expect(report.message).toContain("max_subscriptions");
    expect(calls).toBe(0);
  });

  for (const [id, certificate] of [
    ["expired-certificate", "expired"],
    ["self-signed-certificate", "selfSigned"],
    ["wrong-name-certificate", "wrongName"],
  ] as const) {
    fault(id, async () => {
      const server = await given(1, { certificate });
      expectTruth(id, await run(server.wsUrl));
    });
  }
}

function addressFaults(): void {
  fault("dns-failure", async () => {
    expectTruth("dns-failure", await run("wss://nowhere.invalid"));
  });

  fault("refused-port", async () => {
    expectTruth("refused-port", await run((await labRefusedPort()).wsUrl));
  });

  fault("auth-timeout", async () => {
    // nats-io/nats.node #532, nats-io/nats.ws #205: told as a refusal, it would end what a next try mends.
    const authorization = `authorization { timeout: 0.05, users: [ { user: drain, password: "drain-pw" } ] }`;
    const proxy = await labProxy(await labServer({ authorization }));
    await proxy.latency(150);
    const report = await run(proxy.url, { connectTimeoutMs: 4_000 });
    expectTruth("auth-timeout", report);
    expect(report.message).toContain("Authentication Timeout");
  });

  fault("silent-server", async () => {
    const peer = await labSilentPeer();
    expectTruth("silent-server", await run(peer.wsUrl, { connectTimeoutMs: 400 }));
    await peer.onceConnections(0);
  });

  fault("silent-websocket", async () => {
    const peer = await labMutePeer();
    expectTruth("silent-websocket", await run(peer.wsUrl, { connectTimeoutMs: 400 }));
    await peer.onceConnections(0);
  });

  for (const status of [401, 403, 404, 502] as const) {
    fault(`http-${status}`, async () => {
      const report = await run((await labStatusPeer(status)).wsUrl);
      expectTruth(`http-${status}`, report);
      expect(report.message).toContain(String(status));
    });
  }
}

function credentialFaults(): void {
  /** A server in operator mode, with the stream and a consumer that waits. */
  async function operated(): Promise<LabJwtServer> {
    const server = await labJwtServer();
    await server.createStream(STREAM);
    await server.createConsumer(STREAM, CONSUMER);
    return server;
  }

  fault("expired-credentials", async () => {
    const server = await operated();
    expectTruth("expired-credentials", await run(server.wsUrl, { auth: { creds: server.creds.expired } }));
  });

  fault("revoked-credentials", async () => {
    const server = await operated();
    expectTruth("revoked-credentials", await run(server.wsUrl, { auth: { creds: server.creds.revoked } }));
  });

  fault("credentials-revoked", async () => {
    const pull: Step[] = [
      { deliver: "one" },
      { untilAcks: 1 },
      { errLine: "User Authentication Revoked" },
      { close: true },
    ];
    const report = await run((await labScripted({ pulls: [pull] })).wsUrl, { maxWaitMs: 600 });
    expectTruth("credentials-revoked", report);
    expect(report.fetched).toBe(1);
  });

  fault("credentials-expire", async () => {
    const server = await operated();
    const creds = await server.shortLived(2);
    const report = await run(server.wsUrl, { auth: { creds }, maxWaitMs: 6_000 }, 12_000);
    expectTruth("credentials-expire", report, 12_000);
    expect(report.timings.totalMs).toBeGreaterThan(500);
  });

  test("credentials of every kind are accepted: creds, nkey, token, user and password", async () => {
    const jwt = await operated();
    const nkey = await labNkeyServer();
    await nkey.createStream(STREAM);
    await nkey.createConsumer(STREAM, CONSUMER);
    const token = await labServer({
      authorization: "authorization { token: right }",
      adminLogin: { token: "right" },
    });
    await token.createStream(STREAM);
    await token.createConsumer(STREAM, CONSUMER);
    const user = await given(0);
    for (const [server, auth] of [
      [jwt, { creds: jwt.creds.good }],
      [nkey, { nkeySeed: nkey.seed }],
      [token, { token: "right" }],
      [user, AUTH],
    ] as const) {
      await server.publish(`${STREAM}.new`, 2);
      expect(await run(server.wsUrl, { auth })).toMatchObject({ outcome: "completed", acked: 2 });
    }
    expect(await run(nkey.wsUrl, { auth: { nkeySeed: nkey.wrongSeed } })).toMatchObject({
      reason: "unauthorized",
    });
  });
}

function clusterFaults(): void {
  /** A cluster with the stream on all nodes; `servers` lists the leader of its consumer last, or first. */
  async function clustered(leader: "first" | "last") {
    const cluster = await labCluster();
    await cluster.createStream(STREAM, { num_replicas: 3 });
    await cluster.createConsumer(STREAM, CONSUMER, { num_replicas: 3 });
    const at = await cluster.consumerLeader(STREAM, CONSUMER);
    const [own = "", ...others] = cluster.wsUrls.toSorted((a) => (a === cluster.wsUrls[at] ? -1 : 1));
    return { cluster, at, servers: leader === "first" ? own : (others[0] ?? "") };
  }

  async function clusterPullWaits(cluster: LabCluster): Promise<void> {
    await expect
      .poll(async () => (await cluster.consumerState(STREAM, CONSUMER)).waiting, {
        timeout: 5_000,
        interval: 20,
      })
      .toBeGreaterThan(0);
  }

  fault("leader-killed", async () => {
    const { cluster, at, servers } = await clustered("last");
    const running = run(servers);
    await clusterPullWaits(cluster);
    await cluster.kill(at);
    expectTruth("leader-killed", await running);
    // The others elect a leader, and the next drain finds everything.
    await cluster.consumerLeader(STREAM, CONSUMER);
    await cluster.publish(`${STREAM}.new`, 3);
    expect(await run(servers)).toMatchObject({ outcome: "completed", acked: 3 });
  });

  fault("leadership-change", async () => {
    const { cluster, servers } = await clustered("last");
    const running = run(servers, { maxWaitMs: 8_000 }, 20_000);
    await clusterPullWaits(cluster);
    await cluster.stepDown(STREAM, CONSUMER);
    expectTruth("leadership-change", await running, 20_000);
  });

  fault("quorum-lost", async () => {
    const { cluster, at, servers } = await clustered("last");
    const other = cluster.wsUrls.findIndex((url, index) => index !== at && url !== servers);
    await Promise.all([cluster.kill(at), cluster.kill(other)]);
    expectTruth("quorum-lost", await run(servers));
  });
}

/** Statuses that no real server here sends on demand. */
function scriptedFaults(): void {
  for (const [id, status, description] of [
    ["unknown-conflict", 409, "Something Else"],
    ["unknown-status", 499, "Of A Later Version"],
    ["malformed-request", 400, "Bad Request - invalid"],
    ["batch-completed", 409, "Batch Completed"],
  ] as const) {
    fault(id, async () => {
      const server = await labScripted({ pulls: [[{ deliver: "one" }, { status, description }]] });
      const report = await run(server.wsUrl);
      expectTruth(id, report);
      // What came before the status was handled and settled all the same.
      expect(report).toMatchObject({ fetched: 1, acked: 1 });
      // The last one is sent a second time, to be answered.
      expect((await server.acks()).slice(0, 1)).toMatchObject([{ payload: "+ACK" }]);
      await server.onceGone();
    });
  }
}
