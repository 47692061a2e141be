// Headers are read whatever nats-server delivers: nothing throws, nothing takes long, and what
// cannot be carried is named.
import { Match, type Msg, type MsgHdrs, headers as natsHeaders, wsconnect } from "@nats-io/nats-core";
import { MsgImpl } from "@nats-io/nats-core/internal";
import { describe, expect, it, onTestFinished, test } from "vitest";
import { binaryOf, bytesOf } from "../src/message/header-block.ts";
import { copyHeaders, HeaderMap, readHeaders } from "../src/message/headers.ts";
import { headerBlockOf } from "../src/message/raw.ts";
import { labServer } from "./support/lab-client.ts";
import { blockOf } from "./support/raw-publisher.ts";

function headersOf(...lines: string[]): HeaderMap {
  return new HeaderMap(bytesOf(blockOf(...lines)));
}

/** About as many as fit into the 64 KB that nats-server allows. */
const MANY = 8_000;

function readAndCopy(block: Uint8Array): void {
  const headers = new HeaderMap(block);
  expect(headers.get("none")).toBe("");
  copyHeaders(headers).encode();
}

function msOf(work: () => void): number {
  const start = performance.now();
  work();
  return performance.now() - start;
}

describe("a header block", () => {
  it("gives what it says, in order, with all values of a name", () => {
    const headers = headersOf("Trace: a", "trace: c", "Trace:b", "Empty:", "ce-type:  x:y ");
    expect([...headers]).toEqual([
      ["Trace", ["a", "b"]],
      ["trace", ["c"]],
      ["Empty", [""]],
      ["ce-type", ["x:y"]],
    ]);
    expect(headers.keys()).toEqual(["Trace", "trace", "Empty", "ce-type"]);
    expect([headers.get("Trace"), headers.last("Trace"), headers.get("none"), headers.last("none")]).toEqual([
      ...["a", "b", "", ""],
    ]);
    expect(headers.dropped).toEqual([]);
  });

  it.each<[what: string, line: string, dropped: string]>([
    ["a space in the name", "Foo Bar: x", "Foo%20Bar"],
    ["a space before the colon", "Foo : x", "Foo%20"],
    ["a folded line", " folded: x", "%20folded"],
    ["a name beyond ASCII", "Gr\xc3\xb6\xc3\x9fe: x", "Gr%C3%B6%C3%9Fe"],
    ["a control character in the name", "Foo\x1b: x", "Foo%1B"],
    ["a lone CR in the value", "Foo: a\rb", "Foo"],
    ["a lone LF in the value", "Foo: a\nForged: b", "Foo"],
    ["no colon", "Foo", "Foo"],
    ["no name", ": x", "(empty)"],
    ["a name that no log should hold", "x".repeat(60_000).concat("\xff: y"), `${"x".repeat(60)}...`],
  ])("with %s is read without it, and names it", (_what, line, dropped) => {
    const headers = headersOf("Before: 1", line, "After: 2");
    expect(Object.fromEntries(headers)).toEqual({ Before: ["1"], After: ["2"] });
    expect(headers.dropped).toEqual([dropped]);
  });

  it("names twenty of what it drops, and says how many more", () => {
    const headers = headersOf(...Array.from({ length: 300 }, (_, index) => `no good ${index}: x`));
    expect(headers.dropped).toHaveLength(21);
    expect(headers.dropped.at(-1)).toBe("and 280 more");
  });

  it.each([
    "",
    "NATS/1.0",
    "NATS/1.0\r\n",
    "\r\n\r\n",
    "NATS/1.0\r\nTrace: a",
    "Trace: a\r\n\r\n",
    "\r\r\n\n:",
    "\0",
  ])("that is cut short or begins as none does is read, too: %j", (block) => {
    const headers = new HeaderMap(bytesOf(block));
    expect(headers.get("Trace")).toBe(block.includes("Trace") ? "a" : "");
    expect([headers.code, headers.description]).toEqual([0, ""]);
  });

  it.each<[line: string, code: number, description: string]>([
    ["NATS/1.0 404 No Messages", 404, "No Messages"],
    ["NATS/1.0 503", 503, ""],
    ["NATS/1.0  100  Idle Heartbeat ", 100, "Idle Heartbeat"],
    ["NATS/1.0 40400", 0, ""],
    ["NATS/1.0 no status", 0, ""],
  ])("has the status of its first line: %j", (line, code, description) => {
    const headers = new HeaderMap(bytesOf(`${line}\r\nNats-Pin-Id: p\r\n\r\n`));
    expect(headers).toMatchObject({ code, description, hasError: code >= 300 });
    expect(headers.status).toBe(`${code} ${description}`.trim());
    expect(headers.get("Nats-Pin-Id")).toBe("p");
  });

  it("is text where it is UTF-8, and is written as it came where it is none", () => {
    const headers = headersOf("Utf8: gr\xc3\xbc\xc3\x9fe", "Latin1: gr\xfc\xdfe");
    expect(headers.get("Utf8")).toBe("grüße");
    expect(headers.get("Latin1")).toBe("gr\ufffd\ufffde");
    const copy = copyHeaders(headers);
    expect(binaryOf(copy.encode())).toBe(blockOf("Utf8: gr\xc3\xbc\xc3\x9fe", "Latin1: gr\xfc\xdfe"));
    copy.set("Utf8", "größe");
    expect(copy.get("Utf8")).toBe("größe");
  });

  // Ten blocks of a tenth, so that both sides read as many headers: what grows with the square takes
  // ten times as long for the one block, as nats-core's reader does where all names differ (10.7).
  it.each<[what: string, line: (index: number) => string]>([
    ["all names differ", (index) => `${index.toString(36)}:b`],
    ["all have one name", () => "a:b"],
    ["all are dropped", (index) => `${index.toString(36)} :b`],
  ])("of 8,000 headers takes no longer than ten blocks of 800 do, where %s", (_what, line) => {
    const part = bytesOf(blockOf(...Array.from({ length: MANY / 10 }, (_, index) => line(index))));
    const whole = bytesOf(blockOf(...Array.from({ length: MANY }, (_, index) => line(index))));
    const times = Array.from({ length: 15 }, () => ({
      parts: msOf(() => {
        for (let index = 0; index < 10; index++) readAndCopy(part);
      }),
      whole: msOf(() => readAndCopy(whole)),
    }));
    // The fastest of some, alternating: the machine is shared.
    const fastest = (key: "parts" | "whole"): number => Math.min(...times.map((pair) => pair[key]));
    expect(fastest("whole") / fastest("parts")).toBeLessThan(4);
  });

  it("cannot put anything into an object's prototype", () => {
    const record = headersOf("__proto__: x", "constructor: y").toRecord();
    expect(Object.getPrototypeOf(record)).toBe(Object.prototype);
    expect(Object.keys(record)).toEqual(["__proto__", "constructor"]);
  });
});

describe("headers behave as nats-core's, which are the interface", () => {
  const LINES = ["Trace: a", "Trace: b", "trace: c", "Content-Type: text/plain"];
  function both(): [HeaderMap, MsgHdrs] {
    const theirs = natsHeaders();
    for (const line of LINES)
      theirs.append(line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1));
    return [headersOf(...LINES), theirs];
  }

  it.each(["Trace", "trace", "TRACE", "content-type", "none"])("for every way to match %s", (name) => {
    for (const match of Object.values(Match)) {
      const [ours, theirs] = both();
      const look = (headers: MsgHdrs): unknown => [
        ...[headers.get(name, match), headers.last(name, match), headers.has(name, match)],
        headers.values(name, match),
      ];
      expect(look(ours)).toEqual(look(theirs));
      for (const headers of [ours, theirs]) headers.append(name, "d", match);
      expect([...ours]).toEqual([...theirs]);
      for (const headers of [ours, theirs]) headers.set(name, "e", match);
      expect([...ours]).toEqual([...theirs]);
      for (const headers of [ours, theirs]) headers.delete(name, match);
      expect([...ours]).toEqual([...theirs]);
    }
  });

  it("and refuse what is no name and no value, without quoting the value", () => {
    const headers = new HeaderMap();
    expect(() => headers.set("no good", "x")).toThrow(TypeError);
    expect(() => headers.set("größe", "x")).toThrow(TypeError);
    expect(() => headers.append("good", "secret\r\nForged: 1")).toThrow(TypeError);
    expect(() => headers.append("good", "secret\n")).not.toThrow(/secret/);
    expect(headers.size()).toBe(0);
  });

  it("and a copy leaves the original alone", () => {
    const [ours] = both();
    const copy = copyHeaders(ours, (name) => name !== "trace");
    copy.append("Trace", "d");
    expect(ours.values("Trace")).toEqual(["a", "b"]);
    expect(copy.values("Trace")).toEqual(["a", "b", "d"]);
    expect(copy.has("trace")).toBe(false);
  });
});

describe("the installed nats-core", () => {
  test("keeps a message's bytes where raw.ts looks for them", async () => {
    const server = await labServer();
    const nats = await wsconnect({
      servers: server.wsUrl,
      user: "admin",
      pass: "admin-pw",
      reconnect: false,
    });
    onTestFinished(() => nats.close());
    const block = blockOf("Foo Bar: x", "Gr\xf6\xdfe: 1", "Good: a", "Bad: a\rb");
    const received = new Promise<Msg>((resolve) => {
      nats.subscribe("raw.*", { max: 1, callback: (_error, msg) => resolve(msg) });
    });
    await nats.flush();
    await server.publishRaw({ subject: "raw.1", block, body: "body" });
    const msg = await received;
    expect(msg instanceof MsgImpl).toBe(true);
    expect(binaryOf(headerBlockOf(msg) ?? new Uint8Array())).toBe(block);
    expect(() => msg.headers).toThrow();
    const headers = readHeaders(msg);
    expect([...headers]).toEqual([["Good", ["a"]]]);
    expect(headers.dropped).toEqual(["Foo%20Bar", "Gr%F6%DFe", "Bad"]);
  });

  test("publishes ours as its own", async () => {
    const server = await labServer();
    const nats = await wsconnect({
      servers: server.wsUrl,
      user: "admin",
      pass: "admin-pw",
      reconnect: false,
    });
    onTestFinished(() => nats.close());
    const received = new Promise<Msg>((resolve) => {
      nats.subscribe("raw.*", { max: 1, callback: (_error, msg) => resolve(msg) });
    });
    nats.publish("raw.1", "body", {
      headers: headersOf("Trace: a", "Utf8: gr\xc3\xbc\xc3\x9fe", "Trace: b"),
    });
    const msg = await received;
    expect([...(msg.headers ?? [])]).toEqual([
      ["Trace", ["a", "b"]],
      ["Utf8", ["grüße"]],
    ]);
    expect([...readHeaders(msg)]).toEqual([...(msg.headers ?? [])]);
  });

  test("has no headers where a message has none, and a message not its own is read by its public face", () => {
    const data = new Uint8Array([1]);
    const none = new MsgImpl({ subject: data, sid: 1, hdr: -1, size: 1 }, data, { publish: () => {} });
    expect([...readHeaders(none as Msg)]).toEqual([]); // its own interface, but for exact optional properties
    const given = natsHeaders();
    given.append("Trace", "a");
    expect(readHeaders({ headers: given } as Msg).get("Trace")).toBe("a"); // all that is read
    const broken = {
      get headers(): MsgHdrs {
        throw new Error("as nats-core does");
      },
    };
    expect(readHeaders(broken as Msg).dropped).toEqual(["(all)"]);
  });
});
