// What a server sends is read by whole operations, however it is cut into frames: the drain's own messages to the drain, all else to
// nats-core, each byte once.
import fc from "fast-check";
import { expect, test } from "vitest";
import { Reader } from "../../src/connection/reader.ts";
import { nextTurn } from "../../src/deadline.ts";
import { readHeaders } from "../../src/message/headers.ts";
import type { Received } from "../../src/message/received.ts";
import { RUNS } from "../fuzz/runs.ts";

const MAX_BYTES = 1_000_000;
const OWN = 7;
const bytesOf = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(Buffer.from(text, "latin1"));
const binaryOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");

interface Heard {
  readonly messages: Received[];
  /** What nats-core was given, as a binary string. */
  passed: string;
  readonly problems: string[];
  turns: number;
}

function listen(maxBytes = MAX_BYTES, receive: (message: Received) => void = () => {}) {
  const heard: Heard = { messages: [], passed: "", problems: [], turns: 0 };
  const reader = new Reader(maxBytes, {
    pass: (bytes) => {
      heard.passed += binaryOf(bytes);
    },
    fail: (problem) => heard.problems.push(problem),
    turned: () => {
      heard.turns += 1;
    },
  });
  reader.own(OWN, (message) => {
    heard.messages.push(message);
    receive(message);
  });
  return { reader, heard };
}

const body = fc.string({ unit: fc.nat(255).map((byte) => String.fromCharCode(byte)), maxLength: 200 });
const word = fc
  .string({ unit: fc.constantFrom(..."aZ9.$_-", "\u00e4", "\u0001"), minLength: 1, maxLength: 40 })
  .map((text) => Buffer.from(text, "utf8").toString("latin1"));
const message = fc.record({
  sid: fc.constantFrom(OWN, OWN, OWN, 1, 77),
  subject: word,
  reply: fc.oneof(fc.constant(""), word),
  block: fc.oneof(
    fc.constant(""),
    body.map((text) => `NATS/1.0\r\n${text}\r\n\r\n`),
  ),
  body,
});
interface Message {
  readonly sid: number;
  readonly subject: string;
  readonly reply: string;
  readonly block: string;
  readonly body: string;
}
const line = fc.constantFrom("PING\r\n", "PONG\r\n", "+OK\r\n", "INFO {}\r\n", "-ERR 'MSG a 7 b 1'\r\n");

function written({ sid, subject, reply, block, body: text }: Message): string {
  const to = [subject, sid, ...(reply === "" ? [] : [reply])].join(" ");
  return block === ""
    ? `MSG ${to} ${text.length}\r\n${text}\r\n`
    : `HMSG ${to} ${block.length} ${block.length + text.length}\r\n${block}${text}\r\n`;
}

const utf8 = (binary: string): string => Buffer.from(binary, "latin1").toString("utf8");

test("a Reader gives each message and passes on each other operation, in whatever frames they come", () => {
  const cuts = fc.array(fc.nat(3_000), { maxLength: 30 });
  fc.assert(
    fc.property(fc.array(fc.oneof(message, line), { maxLength: 40 }), cuts, (operations, at) => {
      const { reader, heard } = listen();
      const texts = operations.map((each) => (typeof each === "string" ? each : written(each)));
      const whole = texts.join("");
      const ends = [...at.filter((cut) => cut < whole.length).sort((a, b) => a - b), whole.length];
      for (const [index, end] of ends.entries()) reader.push(bytesOf(whole.slice(ends[index - 1] ?? 0, end)));
      const ours = operations.filter((each) => typeof each !== "string").filter(({ sid }) => sid === OWN);
      expect(
        heard.messages.map((each) => ({
          subject: each.subject,
          reply: each.reply,
          block: binaryOf(each.headerBlock),
          body: binaryOf(each.data),
        })),
      ).toEqual(
        ours.map((each) => ({
          subject: utf8(each.subject),
          reply: utf8(each.reply),
          block: each.block,
          body: each.body,
        })),
      );
      const others = operations.filter((each) => typeof each === "string" || each.sid !== OWN);
      expect(heard.passed).toBe(
        others.map((each) => (typeof each === "string" ? each : written(each))).join(""),
      );
      expect(heard.problems).toEqual([]);
    }),
    RUNS,
  );
});

test("a Reader gives a frame of thousands of messages a few hundred a turn, and lets timers fire between", async () => {
  const { reader, heard } = listen();
  reader.push(bytesOf(`MSG a ${OWN} r 2\r\nhi\r\n`.repeat(5_000)));
  reader.push(bytesOf("PONG\r\n"));
  const atOnce = heard.messages.length;
  expect(atOnce).toBeGreaterThan(0);
  expect(atOnce).toBeLessThan(1_000);
  expect(heard.passed).toBe("");
  while (heard.passed === "") await nextTurn();
  expect(heard.messages).toHaveLength(5_000);
  expect(heard.turns).toBe(Math.ceil(5_000 / atOnce) - 1);
});

test("a Reader that is told that nothing more comes reads all that has come at once", () => {
  const { reader, heard } = listen();
  reader.push(bytesOf(`${`MSG a ${OWN} r 2\r\nhi\r\n`.repeat(5_000)}-ERR 'User Authentication Expired'\r\n`));
  reader.finish();
  expect(heard.messages).toHaveLength(5_000);
  expect(heard.passed).toMatch(/^-ERR 'User/);
});

test("a Reader that is ended by who reads gives nothing more", () => {
  const { reader, heard } = listen(MAX_BYTES, () => reader.end());
  reader.push(bytesOf(`MSG a ${OWN} r 2\r\nhi\r\n`.repeat(100)));
  reader.push(bytesOf("PING\r\n"));
  expect([heard.messages.length, heard.passed, heard.problems]).toEqual([1, "", []]);
});

test.each<[what: string, frames: readonly string[]]>([
  ["a name that is none", ["MSX a 7 r 2\r\nhi\r\n"]],
  ["a size that is no number", ["MSG a 7 r x\r\n\r\n"]],
  ["a size beyond what was asked for", ["MSG a 7 r 1000001\r\n"]],
  ["a size of twenty digits", ["MSG a 7 r 99999999999999999999\r\n"]],
  ["a sid that is no number", ["MSG a seven r 2\r\nhi\r\n"]],
  ["too few words", ["MSG a 2\r\nhi\r\n"]],
  ["too many words", ["MSG a 7 b c d e f 2\r\nhi\r\n"]],
  ["headers longer than the message", ["HMSG a 7 r 20 10\r\n0123456789\r\n"]],
  ["a body longer than it says", ["MSG a 7 r 2\r\nhi!\r\n"]],
  ["a line without an end", ["MSG ", "a".repeat(40_000), "a".repeat(40_000)]],
  ["a line without an end in one frame", [`INFO ${"a".repeat(70_000)}`]],
])("a Reader fails at %s, once, and says nothing of it", (_what, frames) => {
  const { reader, heard } = listen();
  for (const frame of frames) reader.push(bytesOf(frame));
  reader.push(bytesOf("PING\r\n"));
  expect(heard.problems).toEqual(["sent what cannot be read"]);
  expect([heard.messages, heard.passed]).toEqual([[], ""]);
});

test("a Reader gives what came before what cannot be read", () => {
  const { reader, heard } = listen();
  reader.push(bytesOf(`PING\r\nMSG a ${OWN} r 2\r\nhi\r\nMSG a\r\n`));
  expect([heard.messages.length, heard.passed]).toEqual([1, "PING\r\n"]);
  expect(heard.problems).toEqual(["sent what cannot be read"]);
});

test("a Reader fails when more waits to be read than was asked for", () => {
  const { reader, heard } = listen(100_000);
  for (let frames = 0; frames < 5; frames += 1)
    reader.push(bytesOf(`MSG a ${OWN} r 20\r\n${"x".repeat(20)}\r\n`.repeat(1_000)));
  expect(heard.problems).toEqual(["sent more than was asked for"]);
});

test("a message in a million frames of a byte is put together in linear time", () => {
  const { reader, heard } = listen();
  const [byte] = [bytesOf("x")];
  reader.push(bytesOf(`MSG a ${OWN} r 900000\r\n`));
  const started = performance.now();
  for (let sent = 0; sent < 900_000; sent += 1) reader.push(byte);
  reader.push(bytesOf("\r\n"));
  expect(heard.messages[0]?.data.length).toBe(900_000);
  // Each byte copied for each that follows would be 4 * 10^11 of them.
  expect(performance.now() - started).toBeLessThan(10_000);
});

test("the headers of a message that came over the wire are read as any", () => {
  const { reader, heard } = listen();
  const block = "NATS/1.0 100 Idle Heartbeat\r\nNats-Last-Consumer: 5\r\n\r\n";
  reader.push(bytesOf(`HMSG a ${OWN} ${block.length} ${block.length}\r\n${block}\r\n`));
  const [status] = heard.messages;
  if (!status) throw new Error("none came");
  const headers = readHeaders(status);
  expect([status.reply, headers.code, headers.description, headers.get("Nats-Last-Consumer")]).toEqual([
    "",
    100,
    "Idle Heartbeat",
    "5",
  ]);
  expect(status.size()).toBe(block.length + 1);
});
