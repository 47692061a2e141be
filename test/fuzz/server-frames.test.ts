// Whatever frames a server sends, a drain has its report within its limit: nothing throws, nothing is printed, no socket is
// left, and no message is handled that was not delivered.
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";
import { type DrainOptions, defineDrain, type Message, reject, retry } from "../../src/index.ts";
import { FUZZ_TIMEOUT_MS, RUNS } from "./runs.ts";

const INFO = 'INFO {"server_id":"F","version":"2.15.1","proto":1,"headers":true,"max_payload":1048576}\r\n';
const LIMIT_MS = 3_000;
const DELIVERIES = "1000001";

interface Frame {
  readonly bytes: Buffer;
  readonly isText: boolean;
}

interface Conversation {
  /** `SID` and `INBOX` are those of the drain's pull. */
  readonly said: readonly Frame[];
  /** What it says to the question about the consumer, and to each settlement that asks for an answer. */
  readonly answer: string | undefined;
  /** How long it stays when it has said all, in milliseconds: the heartbeat is lost meanwhile. 0: it hangs up at once. */
  readonly staysMs: number;
  /** What the drain is told to do, beside the least. */
  readonly options: Partial<DrainOptions>;
}

const peers = new Map<string, Conversation>();
/** Drains at once: each waits for its peer most of the time. */
const AT_ONCE = 40;
let server: WebSocketServer;

beforeAll(async () => {
  server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  server.on("connection", (socket, { url = "" }) => converse(socket, url));
  await new Promise((resolve) => server.once("listening", resolve));
});
afterAll(() => new Promise((resolve) => server.close(resolve)));

function converse(socket: WebSocket, url: string): void {
  const peer = peers.get(url);
  if (peer === undefined) {
    socket.terminate(); // Its drain had given up before it was heard.
    return;
  }
  const say = (text: string): void => socket.send(Buffer.from(text, "latin1"));
  let isOver = false;
  let leaving: ReturnType<typeof setTimeout> | undefined;
  socket.on("error", () => {});
  socket.on("close", () => clearTimeout(leaving));
  socket.on("message", (data) => {
    const heard = String(data);
    if (heard.includes("PING\r\n")) say("PONG\r\n");
    for (const [, subject = "", inbox = ""] of heard.matchAll(/^PUB (\S+) (\S+) \d+\r$/gm)) {
      if (!subject.startsWith("$JS.API.CONSUMER.MSG.NEXT.")) {
        if (peer.answer !== undefined) say(peer.answer.replaceAll("INBOX", inbox));
      } else if (!isOver) {
        isOver = true;
        for (const { bytes, isText } of peer.said) {
          const text = bytes.toString("latin1").replaceAll("INBOX", inbox).replaceAll("SID", DELIVERIES);
          socket.send(Buffer.from(text, "latin1"), { binary: !isText });
        }
        if (peer.staysMs === 0) socket.close();
        else leaving = setTimeout(() => socket.close(), peer.staysMs);
      }
    }
  });
  say(INFO);
}

const bytes = fc.string({ unit: fc.nat(255).map((byte) => String.fromCharCode(byte)), maxLength: 60 });
// Most of what it says can be read: what cannot be ends the conversation.
const wrong = fc.constantFrom(...Array<number>(20).fill(0), -1, 1, 5, 1_000_000);
const subject = fc.constantFrom("INBOX", "INBOX", "INBOX", "INBOX.x", "nobody", "_INBOX.>");
const sid = fc.constantFrom(...Array<string>(6).fill("SID"), "1000002", "1", "2", "99");
const reply = fc.constantFrom(
  ...["", "", "nobody", "$JS.ACK.S.C.1.1.1.1732500000000000000.0", "$JS.ACK.S.C.1.2.2.1732500000000000000.5"],
  ...[
    "$JS.ACK.S.C.9.1.3.1732500000000000000.0",
    "$JS.ACK.S.X.1.1.1.1732500000000000000.0",
    "$JS.ACK.S.C.1.1.1.0.0",
  ],
);
const status = fc.constantFrom(
  "",
  " 100 Idle Heartbeat",
  " 404 No Messages",
  " 408 Timeout",
  " 409 Consumer Deleted",
  " 503",
);
const message = fc
  .record({ subject, sid, reply, body: bytes, off: wrong })
  .map(
    ({ off, body, ...to }) => `MSG ${to.subject} ${to.sid} ${to.reply} ${body.length + off}\r\n${body}\r\n`,
  );
const withHeaders = fc
  .record({
    subject,
    sid,
    reply,
    status,
    lines: fc.array(bytes, { maxLength: 3 }),
    body: bytes,
    off: wrong,
    less: wrong,
  })
  .map(({ off, less, body, lines, ...to }) => {
    const block = `NATS/1.0${to.status}\r\n${lines.map((line) => `A:${line}\r\n`).join("")}\r\n`;
    const sizes = `${block.length + less} ${block.length + body.length + off}`;
    return `HMSG ${to.subject} ${to.sid} ${to.reply} ${sizes}\r\n${block}${body}\r\n`;
  });
// What nats-core and the drain act upon, and what only looks like it.
const errors = fc.constantFrom(
  'Permissions Violation for Publish to "$JS.API.CONSUMER.MSG.NEXT.S.C"',
  'Permissions Violation for Publish to "$JS.ACK.S.C.1.1.1.1732500000000000000.0"',
  'Permissions Violation for Subscription to ">"',
  "Permissions Violation for",
  "Authorization Violation",
  "User Authentication Expired",
  "Account Authentication Revoked",
  "maximum subscriptions exceeded",
  "Maximum Payload Violation",
  "Stale Connection",
);
const number = fc.constantFrom(-1, 0, 1, 20, 1e308, 1.5, "1", null, []);
const laterInfo = fc
  .record(
    {
      max_payload: number,
      headers: fc.boolean(),
      ldm: fc.constantFrom(true, false, "x"),
      connect_urls: fc.constantFrom(["evil.invalid:1"], [5, null], {}, "x"),
      domain: fc.constantFrom("hub", "a.b", 5, {}),
      nonce: fc.constantFrom("x", 5, "\u0000"),
      constructor: fc.constant({ prototype: { polluted: true } }),
    },
    { requiredKeys: [] },
  )
  .map((told) => `INFO ${JSON.stringify({ server_id: "F", version: "2.15.1", ...told })}\r\n`);
const command = fc.oneof(
  { weight: 6, arbitrary: message },
  { weight: 6, arbitrary: withHeaders },
  {
    weight: 2,
    arbitrary: fc.constantFrom("PING\r\n", "+OK\r\n", "PONG\r\n", INFO, INFO),
  },
  { weight: 2, arbitrary: laterInfo },
  { weight: 1, arbitrary: errors.map((text) => `-ERR '${text}'\r\n`) },
  { weight: 1, arbitrary: bytes.map((text) => `-ERR '${text.replaceAll("\n", "")}'\r\n`) },
  { weight: 1, arbitrary: fc.oneof(bytes, fc.constantFrom("MSG  SID 0\r\n\r\n", "MSG INBOX x 0\r\n\r\n")) },
);
const frames = fc
  .tuple(fc.array(command, { maxLength: 8 }), fc.array(fc.nat(400), { maxLength: 4 }), fc.nat(60))
  .map(([commands, cuts, text]): Frame[] => {
    const whole = Buffer.from(commands.join(""), "latin1");
    const ends = [...cuts.filter((cut) => cut < whole.length).sort((a, b) => a - b), whole.length];
    return ends.map((end, at) => ({ bytes: whole.subarray(ends[at - 1] ?? 0, end), isText: text === at }));
  });

const answered = (text: string): string => `MSG INBOX 1000002 ${text.length}\r\n${text}\r\n`;
const config = '"ack_policy":"explicit","max_deliver":9,"ack_wait":30000000000';
// Silence is rare, and so is a peer that stays: a round waits for the slowest.
const answer = fc.oneof(
  { weight: 40, arbitrary: fc.constant(answered(`{"num_pending":5,"config":{${config}}}`)) },
  {
    weight: 40,
    arbitrary: fc.constantFrom(
      answered(""),
      answered('{"error":{"code":404,"err_code":10014}}'),
      answered(
        '{"num_pending":-1,"created":{},"cluster":[],"config":{"backoff":[-1,"x"],"max_deliver":1e99}}',
      ),
      "HMSG INBOX 1000002 16 16\r\nNATS/1.0 503\r\n\r\n\r\n",
    ),
  },
  { weight: 20, arbitrary: fc.jsonValue().map((value) => answered(encodeURI(JSON.stringify(value)))) },
  { weight: 1, arbitrary: fc.constant(undefined) },
);
const conversation: fc.Arbitrary<Conversation> = fc.record({
  said: frames,
  answer,
  staysMs: fc.constantFrom(...Array<number>(99).fill(0), 300),
  options: fc.record(
    {
      until: fc.constant("limit" as const),
      fill: fc.boolean(),
      priorityGroup: fc.constant({ group: "A" }),
      deadLetter: fc.constant({ subject: "dead.s" }),
      concurrency: fc.constantFrom(1, 3),
      confirm: fc.constant("leader" as const),
    },
    { requiredKeys: [] },
  ),
});
const ENDS = [undefined, reject("no"), retry(), reject(null as never), new Response("", { status: 503 })];

test(
  "whatever frames a server sends, a drain has its report within its limit, and nothing is printed",
  async () => {
    const print = vi.spyOn(console, "log").mockImplementation(() => {});
    const { port } = server.address() as AddressInfo; // a listening TCP server has no other kind
    await fc.assert(
      fc.asyncProperty(fc.array(conversation, { minLength: AT_ONCE, maxLength: AT_ONCE }), async (all) => {
        await Promise.all(all.map((one) => drained(port, one)));
        // A drain that is over has left its socket, and the server hears of it.
        await Promise.all(Array.from(server.clients, (socket) => once(socket, "close")));
        peers.clear();
      }),
      { ...RUNS, numRuns: Math.ceil((RUNS.numRuns ?? 0) / AT_ONCE) },
    );
    expect(print).not.toHaveBeenCalled();
    print.mockRestore();
  },
  FUZZ_TIMEOUT_MS,
);

let count = 0;

async function drained(port: number, one: Conversation): Promise<void> {
  const path = `/${count++}`;
  peers.set(path, one);
  let handled = 0;
  const given: object = {
    servers: `ws://127.0.0.1:${port}${path}`,
    stream: "S",
    consumer: "C",
    maxWaitMs: 100,
    batch: 3,
    ...one.options,
    handler: ({ headers, stream, sequence }: Message) => {
      handled += headers.keys().length >= 0 && stream === "S" && sequence > 0 ? 1 : 100;
      return ENDS[(count + sequence) % ENDS.length];
    },
  };
  const drain = defineDrain(given as DrainOptions); // whole, with a handler
  const started = performance.now();
  const report = await drain.run({ limitMs: LIMIT_MS });
  expect(performance.now() - started).toBeLessThan(LIMIT_MS + 2_000);
  const { acked, retried, rejected, deadLettered, released, exhausted, unconfirmed, fetched } = report;
  expect(acked + retried + rejected + deadLettered + released + exhausted + unconfirmed).toBe(fetched);
  expect(handled).toBeLessThanOrEqual(fetched);
  expect(JSON.stringify(report)).not.toMatch(/\\u00[01]/);
}
