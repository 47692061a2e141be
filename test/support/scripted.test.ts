// The scripted server says what its script says, to a real drain, and remembers what the drain said.
import { describe, expect, test } from "vitest";
import { type DrainSettings, defineDrain, type Handler, type Report, reject } from "../../src/index.ts";
import { labScripted } from "./lab-client.ts";
import type { Script } from "./scripted/script.ts";

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

describe("the scripted server", () => {
  async function played(script: Script, options: Overrides = {}, limitMs?: number) {
    const server = await labScripted(script);
    const report = await drain(server.wsUrl, options, limitMs);
    await server.onceGone();
    return { server, report };
  }

  test("delivers, with either ack subject, and remembers the pull and the acks", async () => {
    const steps = [
      { heartbeat: true },
      { deliver: "one", pending: 2, headers: { "X-Kind": "order" } },
      { deliver: "two", sequence: 7, deliveryCount: 3, pending: 0, v2: true },
      { untilAcks: 2 },
      { status: 404, description: "No Messages" },
    ] as const;
    const seen: unknown[] = [];
    const { server, report } = await played(
      { pulls: [steps] },
      {
        batch: 5,
        prefetch: 4,
        handler: (message) => {
          seen.push([message.id, message.deliveryCount, message.text(), message.headers.get("X-Kind")]);
        },
      },
    );
    expect(report).toMatchObject({ reason: "empty", fetched: 2, acked: 2, pending: 0, heartbeats: 1 });
    expect(seen).toEqual([
      ["S:1", 1, "one", "order"],
      ["S:7", 3, "two", ""],
    ]);
    // The last one comes a second time, to be answered.
    expect((await server.acks()).slice(0, 2)).toMatchObject([
      { sequence: 1, payload: "+ACK" },
      { sequence: 7, payload: "+ACK" },
    ]);
    expect(await server.pulls()).toMatchObject([
      { subject: "$JS.API.CONSUMER.MSG.NEXT.S.C", body: { batch: 5, expires: 500_000_000, no_wait: true } },
    ]);
    expect(await server.connects()).toMatchObject([{ user: "drain", name: "sluice" }]);
  });

  test("ends a flood with its client, and serves others meanwhile", async () => {
    const flood = await labScripted({ pulls: [[{ raw: "PING\r\n", times: 3_000_000 }]] });
    const other = { pulls: [[{ status: 404, description: "No Messages" }]] };
    const [flooded, { report }] = await Promise.all([
      drain(flood.wsUrl, {}, 20_000),
      played(other, {}, 20_000),
    ]);
    expect(report).toMatchObject({ outcome: "completed", reason: "empty" });
    expect(flooded).toMatchObject({ outcome: "retryable", fetched: 0 });
    await flood.onceGone();
  });

  test.for<[what: string, script: Script, report: Partial<Report>]>([
    [
      "a status",
      { pulls: [[{ deliver: "x" }, { untilAcks: 1 }, { status: 409, description: "Leadership Change" }]] },
      { reason: "leadership-changed", acked: 1 },
    ],
    [
      "no responders",
      { pulls: [[{ status: 503 }]], consumerInfo: "no-responders" },
      { reason: "jetstream-unavailable" },
    ],
    [
      "an error line",
      { pulls: [[{ errLine: 'Permissions Violation for Publish to "$JS.API.CONSUMER.MSG.NEXT.S.C"' }]] },
      { reason: "permission-denied" },
    ],
    [
      "a Close frame",
      { pulls: [[{ deliver: "x" }, { untilAcks: 1 }, { close: true }]] },
      { reason: "connection-lost" },
    ],
    ["a reset", { pulls: [[{ delayMs: 10 }, { reset: true }]] }, { reason: "connection-lost" }],
    [
      "lame duck mode",
      { pulls: [[{ info: { ldm: true } }, { close: true }]] },
      { reason: "server-shutdown" },
    ],
    [
      "an error at CONNECT",
      { connect: [{ errLine: "Authorization Violation" }, { close: true }] },
      { reason: "unauthorized" },
    ],
    ["silence", { consumerInfo: "silent" }, { reason: "heartbeat-lost", fetched: 0 }],
    [
      "no PONG and no receipt after the pull",
      { pulls: [[{ deliver: "x" }, { status: 404 }]], ignorePingsAfterPulls: 1, swallowAcks: true },
      { reason: "connection-lost", acked: 0, unconfirmed: 1 },
    ],
  ])("can end a drain with %s", async ([, script, expected]) => {
    const { report } = await played(script, { settleTimeoutMs: 200 }, 5_000);
    expect(report).toMatchObject(expected);
  });

  test("confirms a dead letter, or does not", async () => {
    const options = { deadLetter: { subject: "dlq.S", maxDeliveries: 5 }, handler: () => reject("bad") };
    const pulls = [[{ deliver: "poison" }, { untilAcks: 1 }, { status: 404 }]];
    const kept = await played({ pulls, publish: { json: { stream: "DLQ", seq: 1 } } }, options);
    expect(kept.report).toMatchObject({ deadLettered: 1 });
    expect(await kept.server.published()).toMatchObject([{ subject: "dlq.S", text: "poison" }]);
    // The last one is sent a second time, to be answered.
    expect((await kept.server.acks()).slice(0, 1)).toMatchObject([{ payload: "+TERM" }]);
    const lost = await played({ pulls, publish: "no-responders" }, options);
    expect(lost.report).toMatchObject({ deadLettered: 0, retried: 1 });
  });

  test("plays on when a test says so", async () => {
    const server = await labScripted();
    const report = drain(server.wsUrl, { maxWaitMs: 5_000 });
    await server.oncePulls(1);
    await server.play([{ deliver: "late" }, { status: 404 }]);
    expect(await report).toMatchObject({ fetched: 1, acked: 1 });
  });
});
