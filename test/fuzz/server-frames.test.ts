// Whatever frames a server sends, a drain has its report within its limit: nothing throws, nothing is printed, and no
// message is handled that was not delivered.
import type { AddressInfo } from "node:net";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";
import { defineDrain } from "../../src/index.ts";
import { FUZZ_TIMEOUT_MS, RUNS } from "./runs.ts";

const INFO = 'INFO {"server_id":"F","version":"2.15.1","proto":1,"headers":true,"max_payload":1048576}\r\n';
const LIMIT_MS = 2_000;

interface Frame {
  readonly bytes: Buffer;
  readonly isText: boolean;
}

/** What the peer says to the connection with that path: `SID` and `INBOX` are those of the drain's pull. */
const frames = new Map<string, readonly Frame[]>();
/** Drains at once: each waits for its peer most of the time. */
const AT_ONCE = 20;
let server: WebSocketServer;

beforeAll(async () => {
  server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  server.on("connection", (socket, { url = "" }) => converse(socket, frames.get(url) ?? []));
  await new Promise((resolve) => server.once("listening", resolve));
});
afterAll(() => new Promise((resolve) => server.close(resolve)));

function converse(socket: WebSocket, said: readonly Frame[]): void {
  let heard = "";
  let isOver = false;
  socket.on("error", () => {});
  socket.on("message", (data) => {
    heard += String(data);
    if (heard.includes("PING\r\n") && !isOver) socket.send(Buffer.from("PONG\r\n"));
    const [, , inbox] = /PUB (\$JS\.API\.CONSUMER\.MSG\.NEXT\S+) ((\S+)) /.exec(heard) ?? [];
    if (inbox === undefined || isOver) return;
    isOver = true;
    const prefix = inbox.slice(0, inbox.lastIndexOf("."));
    const sid = new RegExp(`SUB ${prefix.replaceAll(".", "\\.")}\\.\\* (\\d+)`).exec(heard)?.[1] ?? "2";
    for (const { bytes, isText } of said) {
      const own = Buffer.from(
        bytes.toString("latin1").replaceAll("INBOX", inbox).replaceAll("SID", sid),
        "latin1",
      );
      socket.send(own, { binary: !isText });
    }
    socket.close();
  });
  socket.send(Buffer.from(INFO));
}

const bytes = fc.string({ unit: fc.nat(255).map((byte) => String.fromCharCode(byte)), maxLength: 60 });
const wrong = fc.constantFrom(0, 0, 0, 0, -1, 1, 5, 1_000_000);
const subject = fc.constantFrom("INBOX", "INBOX", "INBOX.x", "nobody", "_INBOX.>", "");
const sid = fc.constantFrom("SID", "SID", "SID", "1", "2", "3", "99", "x");
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
const command = fc.oneof(
  { weight: 6, arbitrary: message },
  { weight: 6, arbitrary: withHeaders },
  {
    weight: 2,
    arbitrary: fc.constantFrom("PING\r\n", "+OK\r\n", "PONG\r\n", INFO, "INFO {}\r\n", "INFO x\r\n"),
  },
  { weight: 1, arbitrary: bytes.map((text) => `-ERR '${text}'\r\n`) },
  { weight: 1, arbitrary: bytes },
);
const conversation = fc
  .tuple(fc.array(command, { maxLength: 8 }), fc.array(fc.nat(400), { maxLength: 4 }), fc.nat(60))
  .map(([commands, cuts, text]): Frame[] => {
    const whole = Buffer.from(commands.join(""), "latin1");
    const ends = [...cuts.filter((cut) => cut < whole.length).sort((a, b) => a - b), whole.length];
    return ends.map((end, at) => ({ bytes: whole.subarray(ends[at - 1] ?? 0, end), isText: text === at }));
  });

test(
  "whatever frames a server sends, a drain has its report within its limit, and nothing is printed",
  async () => {
    const print = vi.spyOn(console, "log").mockImplementation(() => {});
    const { port } = server.address() as AddressInfo; // a listening TCP server has no other kind
    await fc.assert(
      fc.asyncProperty(fc.array(conversation, { minLength: AT_ONCE, maxLength: AT_ONCE }), async (all) => {
        await Promise.all(all.map((said, at) => drained(port, at, said)));
      }),
      { ...RUNS, numRuns: Math.ceil((RUNS.numRuns ?? 0) / AT_ONCE) },
    );
    expect(print).not.toHaveBeenCalled();
    print.mockRestore();
  },
  FUZZ_TIMEOUT_MS,
);

async function drained(port: number, at: number, said: readonly Frame[]): Promise<void> {
  frames.set(`/${at}`, said);
  let handled = 0;
  const drain = defineDrain({
    servers: `ws://127.0.0.1:${port}/${at}`,
    stream: "S",
    consumer: "C",
    maxWaitMs: 100,
    batch: 3,
    handler: ({ headers, stream, sequence }) => {
      handled += headers.keys().length >= 0 && stream === "S" && sequence > 0 ? 1 : 100;
    },
  });
  const started = performance.now();
  const report = await drain.run({ limitMs: LIMIT_MS });
  expect(performance.now() - started).toBeLessThan(LIMIT_MS + 2_000);
  const { acked, retried, rejected, deadLettered, released, exhausted, unconfirmed, fetched } = report;
  expect(acked + retried + rejected + deadLettered + released + exhausted + unconfirmed).toBe(fetched);
  expect(handled).toBeLessThanOrEqual(fetched);
  expect(JSON.stringify(report)).not.toMatch(/\\u00[01]/);
}
