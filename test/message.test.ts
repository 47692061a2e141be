// A delivery's metadata comes from its ack subject, of which two forms are in use, and its body from one frame.
import { headers, type Msg } from "@nats-io/nats-core";
import { describe, expect, it } from "vitest";
import { type DeliveryInfo, parseAckSubject } from "../src/message/ack-subject.ts";
import { DeliveredMessage } from "../src/message/message.ts";

const TIME = "1763835600123456789";
const INFO: DeliveryInfo = {
  stream: "ORDERS",
  consumer: "billing",
  deliveryCount: 3,
  sequence: 42,
  timestampMs: 1_763_835_600_123,
  timestampNanos: TIME,
  pending: 7,
};

describe("an ack subject", () => {
  const table: [form: string, subject: string][] = [
    ["of the first form", `$JS.ACK.ORDERS.billing.3.42.40.${TIME}.7`],
    ["of the second form, without a domain", `$JS.ACK._.hAsH.ORDERS.billing.3.42.40.${TIME}.7`],
    ["of the second form, with a domain", `$JS.ACK.edge.hAsH.ORDERS.billing.3.42.40.${TIME}.7`],
    [
      "of the second form, with a token after it",
      `$JS.ACK.edge.hAsH.ORDERS.billing.3.42.40.${TIME}.7.rAnDoM`,
    ],
    [
      "of the second form, with tokens of a later server",
      `$JS.ACK._.hAsH.ORDERS.billing.3.42.40.${TIME}.7.a.b.c`,
    ],
  ];
  it.each(table)("%s says everything about the delivery", (_form, subject) => {
    expect(parseAckSubject(subject)).toEqual(INFO);
  });

  it.each([
    "",
    "_INBOX.abc.1",
    "$JS.ACK",
    "$JS.ACK.ORDERS.billing.3.42.40",
    `$JS.ACK.ORDERS.billing.3.42.40.${TIME}`,
    `$JS.ACK.edge.ORDERS.billing.3.42.40.${TIME}.7`,
    `$JS.API.ORDERS.billing.3.42.40.${TIME}.7`,
    `JS.ACK.ORDERS.billing.3.42.40.${TIME}.7`,
    `$JS.ACK..billing.3.42.40.${TIME}.7`,
    `$JS.ACK.ORDERS..3.42.40.${TIME}.7`,
  ])("is not %j, which is refused in words that quote it", (subject) => {
    expect(() => parseAckSubject(subject)).toThrow(SyntaxError);
    expect(() => parseAckSubject(subject)).toThrow(JSON.stringify(subject));
  });
});

describe("a message", () => {
  const V1 = `$JS.ACK.ORDERS.billing.3.42.40.${TIME}.7`;

  function message(part: Partial<Pick<Msg, "reply" | "data" | "headers">> = {}): DeliveredMessage {
    const body = part.data ?? new Uint8Array();
    return new DeliveredMessage({ subject: "orders.eu", reply: V1, ...part, data: body } as Msg); // all that it reads
  }
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

  it("shows the delivery as its ack subject has it", () => {
    expect(message()).toMatchObject({
      id: "ORDERS:42",
      subject: "orders.eu",
      stream: "ORDERS",
      consumer: "billing",
      sequence: 42,
      deliveryCount: 3,
      redelivered: true,
      timestamp: new Date("2025-11-22T18:20:00.123Z"),
      pending: 7,
    });
  });

  it("has the same id on every delivery, and only the first is not a redelivery", () => {
    const first = message({ reply: `$JS.ACK.ORDERS.billing.1.42.40.${TIME}.7` });
    const second = message({ reply: `$JS.ACK.edge.hAsH.ORDERS.billing.2.42.41.${TIME}.6` });
    expect(first.id).toBe(second.id);
    expect([first.redelivered, second.redelivered]).toEqual([false, true]);
  });

  it("hands out the very bytes that came, and their text", () => {
    const data = bytes("Grüße 👋");
    expect(message({ data }).data).toBe(data);
    expect(message({ data }).text()).toBe("Grüße 👋");
    expect(message().text()).toBe("");
  });

  it("parses its body as JSON", () => {
    expect(message({ data: bytes('{"total":12.5}') }).json<{ total: number }>().total).toBe(12.5);
  });

  it.each(["", "{", "text"])("says so when its body %j is no JSON", (body) => {
    expect(() => message({ data: bytes(body) }).json()).toThrow(SyntaxError);
  });

  it.each<[what: string, bytes: number[]]>([
    ["Latin-1", [0x22, 0xfc, 0x22]],
    ["cut within a character", [0x22, 0xc3]],
    ["an overlong encoding", [0x22, 0xc0, 0xa2, 0x22]],
    ["a surrogate", [0x22, 0xed, 0xa0, 0x80, 0x22]],
    ["UTF-16", [0xff, 0xfe, 0x31, 0x00]],
  ])("is not JSON where it is not UTF-8, and text with a mark where it is not: %s", (_what, data) => {
    const odd = message({ data: Uint8Array.from(data) });
    expect(() => odd.json()).toThrow(SyntaxError);
    expect(odd.text()).toContain("\ufffd");
  });

  it("is text and JSON without its byte order mark", () => {
    const data = bytes('\ufeff{"total":7}');
    expect(message({ data }).text()).toBe('{"total":7}');
    expect(message({ data }).json()).toEqual({ total: 7 });
  });

  it("has its headers, and empty ones where it came without", () => {
    const given = headers();
    given.append("Trace", "a");
    given.append("Trace", "b");
    expect(message({ headers: given }).headers.values("Trace")).toEqual(["a", "b"]);
    expect(message().headers.get("Trace")).toBe("");
    expect([...message().headers]).toEqual([]);
  });

  it("can be read while its ack subject is of no known form, and fails only where that is asked for", () => {
    const odd = message({ reply: "_INBOX.1", data: bytes("body") });
    expect(odd.text()).toBe("body");
    expect(() => odd.id).toThrow(SyntaxError);
  });
});
