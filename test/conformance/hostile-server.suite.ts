// A server that is no friend, or a neighbour that answers in its place, in every runtime: the drain returns within its limit,
// handles nothing that it was not given, and tells nothing of what it was told.
import { describe, expect, test } from "vitest";
import { type DrainOptions, defineDrain, type Message, type Report, reject } from "../../src/index.ts";
import { labScripted } from "../support/lab-client.ts";
import type { Script, Step } from "../support/scripted/script.ts";

const TIME = "1732500000000000000";
const MAX_UINT64 = "18446744073709551615";
const NONE: Step = { status: 404, description: "No Messages" };
const LIMIT_MS = 8_000;

/** Replies that are no ack subject of the consumer C of the stream S. */
const FORGED_REPLIES: readonly (string | null)[] = [
  null,
  "nobody",
  "$JS.API.CONSUMER.MSG.NEXT.S.C",
  "$JS.API.STREAM.DELETE.S",
  "$JS.ACK",
  "$JS.ACK.",
  "$JS.ACK.S.C",
  // Other streams and consumers, also by names that begin alike.
  `$JS.ACK.OTHER.C.1.1.1.${TIME}.0`,
  `$JS.ACK.S.OTHER.1.1.1.${TIME}.0`,
  `$JS.ACK.SX.C.1.1.1.${TIME}.0`,
  `$JS.ACK.S.CX.1.1.1.${TIME}.0`,
  `$JS.ACK.C.S.1.1.1.${TIME}.0`,
  `$js.ack.S.C.1.1.1.${TIME}.0`,
  `$JS.ACK._.HASH.OTHER.C.1.1.1.${TIME}.0`,
  `$JS.ACK.hub.HASH.S.OTHER.1.1.1.${TIME}.0`,
  `$JS.ACK.hub.S.C.1.1.1.${TIME}.0`,
  `$JS.ACK..S.C.1.1.1.${TIME}.0`,
  `$JS.ACK...S.C.1.1.1.${TIME}.0`,
  // Tokens that lack, or are too many.
  `$JS.ACK.S.C.1.1.1.${TIME}`,
  `$JS.ACK.S.C.1.1.1.${TIME}.0.more`,
  `$JS.ACK.S.C.1.1.1.${TIME}.`,
  `$JS.ACK.S.C.1..1.${TIME}.0`,
  // Numbers that are none, or that no delivery has.
  `$JS.ACK.S.C.-1.1.1.${TIME}.0`,
  `$JS.ACK.S.C.0.1.1.${TIME}.0`,
  `$JS.ACK.S.C.1.0.1.${TIME}.0`,
  `$JS.ACK.S.C.1.1.0.${TIME}.0`,
  `$JS.ACK.S.C.NaN.1.1.${TIME}.0`,
  `$JS.ACK.S.C.1.Infinity.1.${TIME}.0`,
  `$JS.ACK.S.C.1.1e3.1.${TIME}.0`,
  `$JS.ACK.S.C.1.0x10.1.${TIME}.0`,
  `$JS.ACK.S.C.1.1.5.${TIME}.-1`,
  `$JS.ACK.S.C.1.${MAX_UINT64}.1.${TIME}.0`,
  `$JS.ACK.S.C.1.${"9".repeat(400)}.1.${TIME}.0`,
  `$JS.ACK.S.C.1.1.1.now.0`,
  `$JS.ACK.S.C.1.1.1.${TIME}.none`,
  `$JS.ACK.S.C.1.\u0661.1.${TIME}.0`,
];

type Overrides = Partial<DrainOptions> & { readonly handler?: (message: Message<unknown>) => unknown };

async function drain(script: Script, options: Overrides = {}) {
  const server = await labScripted(script);
  const started = performance.now();
  const given = {
    servers: server.wsUrl,
    auth: { user: "drain", password: "drain-pw" },
    stream: "S",
    consumer: "C",
    // A machine that stands still for 400 ms is no silent server: the heartbeat is a third of it.
    maxWaitMs: 2_400,
    handler: () => {},
    ...options,
  };
  const report = await defineDrain(given as DrainOptions).run({ limitMs: LIMIT_MS }); // whole again
  expect(performance.now() - started).toBeLessThan(LIMIT_MS + 2_500);
  expect(sum(report)).toBe(report.fetched);
  return { server, report };
}

function sum(report: Report): number {
  const { acked, retried, rejected, deadLettered, released, exhausted, unconfirmed } = report;
  return acked + retried + rejected + deadLettered + released + exhausted + unconfirmed;
}

const findingOf = ({ findings }: Report, wanted: string): string | undefined =>
  findings.find(({ code }) => code === wanted)?.message;

export function hostileServerSuite(runtime: string): void {
  describe(`a hostile server, in ${runtime}`, () => {
    deliveries();
    answers();
    floods();
  });
}

function deliveries(): void {
  test("whatever else comes to the pull's inbox is no delivery: counted, and ignored", async () => {
    const forged = FORGED_REPLIES.map((reply): Step => ({ deliver: "forged", reply }));
    const seen: string[] = [];
    const { server, report } = await drain(
      { pulls: [[...forged, { deliver: "honest" }, NONE]] },
      { handler: (message) => void seen.push(message.text()) },
    );
    expect(seen).toEqual(["honest"]);
    expect(report).toMatchObject({ outcome: "completed", fetched: 1, acked: 1 });
    expect(findingOf(report, "foreign-message")).toMatch(new RegExp(`^${forged.length} messages `));
    expect((await server.acks()).every(({ subject }) => subject.startsWith("$JS.ACK.S.C."))).toBe(true);
  });

  test("more deliveries than were asked for end the connection with a reason, and few of them are handled", async () => {
    let handled = 0;
    const flood: Step = { deliver: "x".repeat(100), pending: 50_000, times: 50_000 };
    const { report } = await drain(
      { pulls: [[flood]] },
      {
        batch: 10,
        concurrency: 10,
        handler: () => {
          handled += 1;
        },
      },
    );
    expect(report).toMatchObject({ outcome: "retryable", reason: "connection-lost" });
    expect(report.message).toContain("more than it was asked for");
    expect(report.fetched).toBeLessThanOrEqual(10);
    expect(handled).toBeLessThanOrEqual(10);
  });

  test("a message that is delivered again and again while it is held has one handler", async () => {
    const again = Array.from(
      { length: 9 },
      (_, at): Step => ({
        deliver: "one",
        sequence: 1,
        deliveryCount: at + 1,
        pending: 5,
      }),
    );
    let handled = 0;
    const { report } = await drain(
      { pulls: [[...again, NONE], ...Array<Step[]>(20).fill([NONE])] },
      {
        batch: 10,
        concurrency: 10,
        handler: async () => {
          handled += 1;
          await new Promise((resolve) => setTimeout(resolve, 50));
        },
      },
    );
    expect([report.fetched, handled]).toEqual([9, 1]);
  });

  test.each<[what: string, step: Step]>([
    ["that all was delivered", { status: 409, description: "Batch Completed" }],
    ["that the bytes are used up", { status: 409, description: "Message Size Exceeds MaxBytes" }],
    ["that there is none", NONE],
    ["that another has the pin", { status: 423, description: "Nats-Pin-Id Mismatch" }],
    ["that the request is bad", { status: 400, description: "Bad Request" }],
  ])(
    "a server that says to each pull request %s, while some are pending, is left in time",
    async (_, step) => {
      const { server, report } = await drain(
        {
          consumerInfo: { json: { num_pending: 9, config: { ack_policy: "explicit" } } },
          pulls: [
            [{ deliver: "one", pending: 9, headers: { "Nats-Pin-Id": "x" } }, step],
            ...Array<Step[]>(2_000).fill([step]),
          ],
        },
        { until: "limit", batch: 50, priorityGroup: { group: "A" } },
      );
      expect(report).toMatchObject({ fetched: 1 });
      expect(report.acked + report.unconfirmed).toBe(1);
      // Without a pause between them there would be all 2,000.
      expect((await server.pulls()).length).toBeLessThan(200);
    },
  );

  test("what comes behind the status that there is none is a batch of its own, and keeps no drain to its limit", async () => {
    const server = await labScripted({
      consumerInfo: { json: { num_pending: 1, config: { ack_policy: "explicit" } } },
      publish: { json: { stream: "X", seq: 1 } },
      pulls: [[{ deliver: "one", pending: 1 }, NONE], ...Array<Step[]>(9).fill([NONE])],
    });
    const batches: string[][] = [];
    const drained = defineDrain({
      servers: server.wsUrl,
      stream: "S",
      consumer: "C",
      maxWaitMs: 2_400,
      batchHandler: async (messages, { publish }) => {
        batches.push(messages.map((message) => message.text()));
        if (batches.length > 1) return;
        await server.play([{ deliver: "late" }]);
        // Its answer comes behind the delivery.
        await publish("x", "");
      },
    });
    const report = await drained.run({ limitMs: LIMIT_MS });
    expect(batches).toEqual([["one"], ["late"]]);
    expect(report).toMatchObject({ outcome: "completed", reason: "empty", fetched: 2, acked: 2 });
  });

  test("a message with a status in its headers is a message", async () => {
    const { report } = await drain({
      pulls: [[{ deliver: "", headers: { Status: "409 Consumer Deleted" } }, NONE]],
    });
    expect(report).toMatchObject({ outcome: "completed", fetched: 1, acked: 1 });
  });
}

function answers(): void {
  test.each<[what: string, info: Script["consumerInfo"]]>([
    ["no JSON", { text: "s3cret <html>" }],
    ["nothing", { text: "" }],
    ["null", { json: null }],
    ["a number", { json: 5 }],
    ["a list", { json: [1] }],
    ["no configuration", { json: { num_pending: 1 } }],
    ["an error that is a word", { json: { error: "s3cret" } }],
    ["an error without a number", { json: { error: { description: { s3cret: 1 } } } }],
    [
      "words for numbers",
      {
        json: {
          num_pending: "many",
          num_ack_pending: {},
          created: 5,
          config: { ack_wait: "soon", max_deliver: "x", backoff: ["s3cret", null], inactive_threshold: {} },
        },
      },
    ],
    [
      "times that are none",
      { json: { num_pending: 1, config: { ack_wait: -5, backoff: [0, -1], inactive_threshold: -1 } } },
    ],
  ])("consumer info that is %s keeps a drain from nothing", async (_, consumerInfo = "silent") => {
    const { server, report } = await drain({ consumerInfo, pulls: [[{ deliver: "one" }, NONE]] });
    expect(report).toMatchObject({ outcome: "completed", fetched: 1, acked: 1 });
    expect(JSON.stringify(report)).not.toContain("s3cret");
    // "In progress" goes out every half ack wait, not as often as a timer can fire.
    expect((await server.acks()).length).toBeLessThan(5);
  });

  test.each<[what: string, publish: Script["publish"]]>([
    ["no JSON", { text: "s3cret <html>" }],
    ["nothing", { text: "" }],
    ["null", { json: null }],
    ["a text", { json: "s3cret" }],
    ["no sequence", { json: { stream: "DEAD" } }],
    ["a sequence that is text", { json: { stream: "DEAD", seq: "1" } }],
    ["a sequence below 1", { json: { stream: "DEAD", seq: -1 } }],
    ["a stream of two tokens", { json: { stream: "DEAD.s3cret", seq: 1 } }],
    ["an error in words of its own", { json: { error: { description: "s3cret", err_code: "s3cret" } } }],
  ])("a PubAck that is %s confirms no dead letter, and is not quoted", async (_, publish = "silent") => {
    const { server, report } = await drain(
      { publish, pulls: [[{ deliver: "one" }, NONE]] },
      { deadLetter: { subject: "dead.s" }, handler: () => reject("no good") },
    );
    expect(report).toMatchObject({ fetched: 1, deadLettered: 0, rejected: 0, retried: 1 });
    expect(findingOf(report, "dead-letter-failed")).toMatch(/^1 dead letters failed/);
    expect(JSON.stringify(report)).not.toContain("s3cret");
    expect((await server.acks()).map(({ payload }) => payload)).not.toContain("+TERM");
  });

  test.each<[what: string, serverInfo: Script["serverInfo"]]>([
    ["a max_payload that is text", { max_payload: "\u001b[2J" }],
    ["a max_payload beyond any", { max_payload: 1e308 }],
    ["no headers", { headers: false }],
    ["a domain that is none", { domain: { toString: 1 } }],
    ["a nonce that is none", { auth_required: true, nonce: { toString: 1 } }],
    ["a nonce of a kilobyte", { auth_required: true, nonce: "\u0000\u202e".repeat(500) }],
    ["addresses elsewhere", { connect_urls: ["evil.invalid:1", 5, null], ws_connect_urls: {} }],
    ["a name with escape codes", { server_name: "\u001b[2J", server_id: "\u202e", cluster: "\u0007" }],
    ["a version that is none", { version: "2.15.1\u001b[2J", go: 5, proto: "x" }],
  ])("an INFO of %s keeps a drain from no report, and is not shown", async (_, serverInfo = {}) => {
    const { report } = await drain(
      { serverInfo, publish: { json: { stream: "DEAD", seq: 1 } }, pulls: [[{ deliver: "one" }, NONE]] },
      { deadLetter: { subject: "dead.s" }, handler: () => reject("no good") },
    );
    expect(report.fetched).toBe(1);
    expect(report.deadLettered + report.retried).toBe(1);
    expect(JSON.stringify(report)).not.toMatch(/evil|\\u001b|\u202e|\\u0007/);
  });

  test.each([-1, 0, 20])(
    "an INFO of a max_payload of %d ends the drain with a reason, first or later",
    async (max_payload) => {
      const first = await drain({ serverInfo: { max_payload }, pulls: [[NONE]] });
      expect(first.report).toMatchObject({ outcome: "retryable", reason: "connection-lost", fetched: 0 });
      expect(first.report.message).toContain("max_payload");
      const later = await drain(
        {
          pulls: [
            [{ deliver: "one", pending: 5 }, { info: { max_payload } }, NONE],
            ...Array(20).fill([NONE]),
          ],
        },
        { until: "limit" },
      );
      expect(later.report).toMatchObject({ outcome: "retryable", reason: "connection-lost", fetched: 1 });
    },
  );

  test.each<[what: string, step: Step]>([
    ["a status", { status: 409, description: `\u001b[2J\u202e${"x".repeat(1_000_000)}` }],
    ["an error of the protocol", { errLine: `\u001b[2J\u202e${"x".repeat(60_000)}` }],
  ])("%s of a megabyte, with control characters, is a line of a report", async (_, step) => {
    const { report } = await drain({ pulls: [[step]] });
    expect(report.message.length).toBeLessThan(1_500);
    expect(report.message).not.toMatch(/[\p{Cc}\u202e]/u);
  });
}

function floods(): void {
  test.each<[what: string, raw: string]>([
    ["errors", "-ERR 'Permissions Violation for Publish to \"s3cret\"'\r\n"],
    ["PINGs", "PING\r\n"],
    ["PONGs", "PONG\r\n"],
    ["+OKs", "+OK\r\n"],
    ["INFOs", 'INFO {"server_id":"X","version":"2.15.1","connect_urls":["s3cret:1"]}\r\n'],
    ["messages for nobody", "MSG nobody 999 6\r\ns3cret\r\n"],
  ])("a flood of %s: the drain returns within its limit, and what it has is settled", async (_, line) => {
    const flood: Step = { raw: line.repeat(2_000), times: 50 };
    const { report } = await drain({ pulls: [[{ deliver: "one" }, flood, NONE]] });
    expect(report.fetched).toBe(1);
    expect(JSON.stringify(report)).not.toContain("s3cret");
  });

  test("a flood of errors before the PONG ends the connection", async () => {
    const { report } = await drain({
      connect: [{ raw: "-ERR 'Some Error'\r\n".repeat(1_000), times: 100 }, { delayMs: 60_000 }],
    });
    expect(report).toMatchObject({ outcome: "retryable", fetched: 0 });
  });

  test("an INFO that drips takes no more than its slice of the limit", async () => {
    const drip = Array.from({ length: 40 }, (): Script["connect"] => [{ raw: "P" }, { delayMs: 100 }]);
    const { report } = await drain({ connect: drip.flatMap((steps) => steps ?? []) });
    expect(report).toMatchObject({ outcome: "retryable", fetched: 0 });
    expect(report.reason).toMatch(/^connect-/);
  });

  test("a delivery that never ends is given up at the limit", async () => {
    const { report } = await drain({
      pulls: [[{ raw: "MSG _INBOX.x 2 1000000\r\n" }, { raw: "x", times: 20_000 }, { delayMs: 60_000 }]],
    });
    expect(report).toMatchObject({ outcome: "retryable", fetched: 0 });
  });
}
