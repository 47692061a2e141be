// A message becomes a CloudEvent over HTTP, and the target's answer becomes its settlement.

import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { inspect } from "node:util";
import { headers, type Msg } from "@nats-io/nats-core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DeliveredMessage, type Message } from "../../src/message/message.ts";
import { settlementOfResponse } from "../../src/settle/response.ts";
import { ack, retry, type Settlement } from "../../src/settle/settlement.ts";
import { forwardedNames } from "../../src/vars/forwarded-names.ts";
import type { Target } from "../../src/vars/vars.ts";
import { eventConstants, eventHeaders as headersFor } from "../../src/worker/event-headers.ts";
import { forward } from "../../src/worker/forward.ts";

const constants = eventConstants("ORDERS", "billing", forwardedNames(["X-Tenant"]));
/** As the target gets them. */
const eventHeaders = (message: Message<unknown>): Headers => new Headers(headersFor(message, constants));

function messageOf(
  given: Readonly<Record<string, string>> = {},
  data: Uint8Array = new Uint8Array(),
  subject = "orders.eu",
): Message<unknown> {
  const made = headers();
  for (const [key, value] of Object.entries(given)) made.append(key, value);
  const reply = "$JS.ACK.ORDERS.billing.3.42.40.1763835600123456789.7";
  return new DeliveredMessage({ subject, reply, data, headers: made } as Msg); // all that is read
}

describe("an event's headers", () => {
  it("have every attribute that CloudEvents requires, from the delivery", () => {
    expect(Object.fromEntries(eventHeaders(messageOf()))).toEqual({
      "content-type": "application/octet-stream",
      "ce-specversion": "1.0",
      "ce-id": "ORDERS:42",
      "ce-source": "/nats/streams/ORDERS",
      "ce-type": "io.nats.jetstream.message",
      "ce-subject": "orders.eu",
      "ce-time": "2025-11-22T18:20:00.123Z",
      "ce-natsconsumer": "billing",
      "ce-natssequence": "42",
      "ce-natsdeliverycount": "3",
      "ce-natsstream": "ORDERS",
      "ce-natssubject": "orders.eu",
      "ce-natsoperation": "put",
      "idempotency-key": "ORDERS:42",
    });
  });

  it("are the message's own where it is a CloudEvent already, whatever their case", () => {
    const sent = eventHeaders(
      messageOf({
        "ce-id": "A-1",
        "Ce-Type": "order.paid",
        "CE-Tenant": "acme",
        "Content-Type": "application/json",
      }),
    );
    expect(sent.get("ce-id")).toBe("A-1");
    expect(sent.get("ce-type")).toBe("order.paid");
    expect(sent.get("ce-tenant")).toBe("acme");
    expect(sent.get("ce-source")).toBe("/nats/streams/ORDERS");
    expect(sent.get("content-type")).toBe("application/json");
  });

  it("have nothing else of the message's headers, least of all its authority", () => {
    const sent = eventHeaders(
      messageOf({ Authorization: "Bearer x", "Nats-Msg-Id": "1", "ce-no_name": "x", Host: "y" }),
    );
    for (const key of ["authorization", "nats-msg-id", "ce-no_name", "host"])
      expect(sent.has(key)).toBe(false);
  });

  // CloudEvents' HTTP binding 1.0.2, 3.1.3.2, has the last as its own example.
  it.each([
    ["orders.münchen", "orders.m%C3%BCnchen"],
    ["100%", "100%25"],
    ['say "hi"', "say%20%22hi%22"],
    ["a\u0000\u007fb", "a%00%7Fb"],
    ["Euro € 😀", "Euro%20%E2%82%AC%20%F0%9F%98%80"],
  ])("percent-encode what a header cannot carry: %j", (subject, encoded) => {
    expect(eventHeaders(messageOf({}, undefined, subject)).get("ce-subject")).toBe(encoded);
  });

  it("do not encode a second time what NATS carried percent-encoded", () => {
    // CloudEvents' NATS binding 1.0.3, 3.1.3.2: a header's value is percent-encoded there as it is in HTTP.
    expect(eventHeaders(messageOf({ "ce-subject": "m%C3%BCnchen" })).get("ce-subject")).toBe("m%C3%BCnchen");
  });

  it("have the data's type as Content-Type alone", () => {
    // NATS binding, 3.1.3.1, has ce-datacontenttype; the HTTP binding, 3.1.1, forbids it.
    const sent = eventHeaders(messageOf({ "ce-datacontenttype": "application/json" }));
    expect(sent.get("content-type")).toBe("application/json");
    expect(sent.has("ce-datacontenttype")).toBe(false);
  });
});

describe("a publisher", () => {
  it("cannot take what the delivery says for its own", () => {
    const forged = {
      "ce-natssequence": "7",
      "Ce-NatsStream": "PAYROLL",
      "ce-natsconsumer": "x",
      "ce-natssubject": "payroll.run",
      "ce-natsdeliverycount": "1",
      "ce-natsoperation": "delete",
      "ce-natsnew": "x",
      "ce-specversion": "9.9",
      "Idempotency-Key": "ORDERS:7",
      "Sluice-Dropped": "x",
    };
    expect(Object.fromEntries(eventHeaders(messageOf(forged)))).toEqual(
      Object.fromEntries(eventHeaders(messageOf())),
    );
  });

  it.each([
    "ORDERS:7",
    "ORDERS%3A7",
    "%4FRDERS:7",
    "%20ORDERS:7",
    "%EF%BB%BF%09ORDERS:7",
    "orders:42",
    "ORDERS%EF%BC%9A42",
    "%E2%80%8BORDERS:7",
    "ORDERS%C2%AD%E2%81%A0:7",
    "%00%1BORDERS:7",
    "%C3%96RDERS:7",
    "O%CC%81RD%CC%A3ERS:7",
    // Letters that are no others with a mark, and are the same to MySQL; one that cannot be seen.
    "%C3%98RDERS:7",
    "OR%C4%90ERS:7",
    "ORDER%EA%9E%A9:7",
    "%E3%85%A4ORDERS:7",
    "ORD%E1%85%A0ERS:7",
    "%F0%9F%85%BE%F0%9F%86%81DERS:7",
  ])("cannot take the id of another message: %s", (id) => {
    const sent = eventHeaders(messageOf({ "ce-id": id }));
    expect([sent.get("ce-id"), sent.get("Idempotency-Key")]).toEqual(["ORDERS:42", "ORDERS:42"]);
  });

  it.each([
    "/nats/streams/PAYROLL",
    "/NATS/Streams/PAYROLL",
    "%20/nats/streams/PAYROLL",
    "/x/../nats/streams/PAYROLL",
    "./nats/./streams/PAYROLL",
    "%2Fnats%2Fstreams%2FPAYROLL",
    "\\nats\\streams\\PAYROLL",
    "%E2%80%8B/nats/streams/PAYROLL",
    "/n%C3%A4ts/streams/PAYROLL",
    "/n%C3%A4ts/%C5%BFtr%C3%A9am%C5%BF/P",
  ])("cannot take the source of another stream's: %s", (source) => {
    expect(eventHeaders(messageOf({ "ce-source": source })).get("ce-source")).toBe("/nats/streams/ORDERS");
  });

  it.each([
    "https://acme.example/nats/streams/A",
    "urn:nats:streams",
    "/nat",
    "//nats/streams/A",
    "a b",
    "http://[",
  ])("keeps a source of its own: %s", (source) => {
    const sent = eventHeaders(messageOf({ "ce-source": source }));
    expect(decodeURIComponent(sent.get("ce-source") ?? "")).toBe(source);
  });

  it("cannot name its event as a delivery of another stream would", () => {
    const sent = eventHeaders(messageOf({ "ce-id": "PAYROLL:7", "ce-source": "/nats/streams/PAYROLL" }));
    expect([sent.get("ce-id"), sent.get("ce-source")]).toEqual(["PAYROLL:7", "/nats/streams/ORDERS"]);
  });

  it("cannot crowd out what the delivery says, however much it sends", () => {
    const long = "x".repeat(2_000);
    const names = ["Content-Type", "ce-id", "ce-source", "ce-type", "ce-subject", "ce-dataschema"];
    const given = Object.fromEntries(names.map((name) => [name, long]));
    const sent = eventHeaders(messageOf({ ...given, baggage: long, "X-Tenant": long }));
    const own = [...eventHeaders(messageOf()).keys()].filter((name) => name !== "ce-subject");
    expect([...sent.keys()]).toEqual(expect.arrayContaining(own));
    expect(sent.get("ce-natssequence")).toBe("42");
  });

  it("has no header passed on twice, and is told to the target where one cannot be carried", () => {
    const sent = eventHeaders(messageOf({ "X-Tenant": "acme", "x-tenant": "other", baggage: "ü" }));
    expect([sent.get("x-tenant"), sent.get("baggage")]).toEqual(["acme", null]);
    expect(sent.get("Sluice-Dropped")).toBe("baggage");
  });

  it.each([
    "yesterday",
    "2025-13-01T00:00:00Z",
    "2025-11-22T24:61:00Z",
    "2025-11-22",
    "2025-11-22T18:20:00",
    "2025-11-22T18:20:00Z%0D%0A",
  ])("has no attribute of its event taken that is empty, or no time: %s", (time) => {
    const sent = eventHeaders(messageOf({ "ce-id": "", "ce-source": "", "ce-type": "", "ce-time": time }));
    expect(Object.fromEntries(sent)).toEqual(Object.fromEntries(eventHeaders(messageOf())));
  });

  it.each([
    "application/cloudevents+json",
    "Application/CloudEvents+JSON; charset=utf-8",
    "application/cloudevents-batch+json",
  ])("of an event in structured mode has it sent as it is: %s", (type) => {
    const sent = eventHeaders(
      messageOf({ "Content-Type": type, "ce-id": "A-1", traceparent: "00-aa-bb-01" }),
    );
    expect([...sent.keys()].filter((name) => name.startsWith("ce-"))).toEqual([]);
    expect(sent.get("Content-Type")).toBe(type);
    expect(sent.get("Idempotency-Key")).toBe("ORDERS:42");
    expect(sent.get("traceparent")).toBe("00-aa-bb-01");
  });

  it("has its trace and its baggage passed on, and what FORWARD_HEADERS names", () => {
    const sent = eventHeaders(
      messageOf({
        Traceparent: "00-aa-bb-01",
        tracestate: "a=1",
        baggage: "b=2",
        "x-TENANT": "acme",
        "X-Other": "no",
      }),
    );
    expect(
      ["traceparent", "tracestate", "baggage", "x-tenant", "x-other"].map((name) => sent.get(name)),
    ).toEqual(["00-aa-bb-01", "a=1", "b=2", "acme", null]);
  });

  it.each([
    [{ "KV-Operation": "DEL" }, "delete"],
    [{ "KV-Operation": "PURGE" }, "purge"],
    [{ "Nats-Marker-Reason": "MaxAge" }, "expired"],
    [{}, "put"],
  ])("of a value's marker has it told from an empty value: %j", (headers, operation) => {
    expect(eventHeaders(messageOf(headers)).get("ce-natsoperation")).toBe(operation);
  });

  it("of large headers loses extensions before all else, and the target is told which", () => {
    const long = "ü".repeat(340); // 2,040 characters when encoded
    const many = Object.fromEntries(["a", "b", "c", "d", "e", "f"].map((name) => [`ce-${name}`, long]));
    const sent = eventHeaders(messageOf({ "ce-id": "A-1", ...many, "X-Tenant": "acme" }));
    expect(sent.get("ce-id")).toBe("A-1");
    expect(sent.get("x-tenant")).toBe("acme");
    expect(sent.get("Sluice-Dropped")).toBe("ce-f");
    expect(sent.get("ce-natssequence")).toBe("42");
  });

  it("of an id too long for a header has the delivery's own", () => {
    const sent = eventHeaders(messageOf({ "ce-id": "x".repeat(5_000), "ce-source": "€".repeat(2_000) }));
    expect([sent.get("ce-id"), sent.get("ce-source")]).toEqual(["ORDERS:42", "/nats/streams/ORDERS"]);
    expect(sent.get("Sluice-Dropped")).toBe("ce-id, ce-source");
  });

  it("costs no more than its bytes, whatever marks it puts on one letter", () => {
    const marks = "\u0301\u0323".repeat(15_000); // to bring them in order takes a second
    const started = performance.now();
    for (let count = 0; count < 20; count += 1) {
      const sent = eventHeaders(messageOf({ "ce-id": `a${marks}`, "ce-source": `/a${marks}` }));
      expect(sent.get("ce-id")).toBe("ORDERS:42");
    }
    expect(performance.now() - started).toBeLessThan(5_000);
  });

  it("of thousands of headers fills no header of the target's", () => {
    const many = Object.fromEntries(Array.from({ length: 3_000 }, (_, index) => [`ce-x${index}`, "v"]));
    const sent = [...eventHeaders(messageOf(many))];
    const length = sent.reduce((total, [name, value]) => total + name.length + value.length + 4, 0);
    expect(length).toBeLessThan(14_000);
    expect(new Headers(sent).get("Sluice-Dropped")).toMatch(/, and \d+ more$/);
  });
});

describe("forwarding", () => {
  interface Received {
    readonly method: string | undefined;
    readonly url: string | undefined;
    readonly headers: IncomingHttpHeaders;
    readonly body: Buffer;
  }
  let received: Received[];
  let answer: RequestListener;
  const server = createServer(async (request, response) => {
    const { method, url, headers } = request;
    received.push({ method, url, headers, body: Buffer.concat(await request.toArray()) });
    answer(request, response);
  });
  let origin: string;

  beforeEach(async () => {
    received = [];
    answer = (_request, response) => void response.writeHead(204).end();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`; // a listening TCP server has no other kind
  });
  afterEach(async () => {
    const closed = once(server, "close");
    server.close();
    server.closeAllConnections();
    await closed;
  });
  const send = async (
    message: Message<unknown>,
    signal = new AbortController().signal,
  ): Promise<Settlement> => {
    const url = `${origin}/events?a=b`;
    const response = await forward(message, { url, target: undefined, constants }, signal);
    await response.body?.cancel();
    return settlementOfResponse(response, Date.now());
  };

  it("posts the body as it is, byte for byte, with the event's headers", async () => {
    const frame = Uint8Array.from({ length: 300 }, (_, index) => index % 256);
    const data = frame.subarray(20, 280); // a view, as nats-core gives it
    expect(await send(messageOf({ "Content-Type": "image/png" }, data))).toEqual(ack());
    expect(received).toHaveLength(1);
    expect(received[0]).toMatchObject({ method: "POST", url: "/events?a=b" });
    expect(received[0]?.body.equals(data)).toBe(true);
    expect(received[0]?.headers).toMatchObject({ "ce-id": "ORDERS:42", "content-type": "image/png" });
  });

  it("posts an empty message with an empty body", async () => {
    expect(await send(messageOf())).toEqual(ack());
    expect(received[0]?.body).toHaveLength(0);
  });

  it("does not follow a redirect", async () => {
    answer = (_request, response) => void response.writeHead(307, { Location: `${origin}/elsewhere` }).end();
    expect(await send(messageOf())).toEqual(retry());
    expect(received.map(({ url }) => url)).toEqual(["/events?a=b"]);
  });

  it("reads the status and Retry-After of an answer whose body is long", async () => {
    answer = (_request, response) =>
      void response.writeHead(503, { "Retry-After": "7" }).end("x".repeat(1_000_000));
    expect(await send(messageOf())).toEqual(retry({ delayMs: 7_000 }));
  });

  it("gives up when its signal aborts, and the target sees the connection go", async () => {
    const gone = Promise.withResolvers<void>();
    const controller = new AbortController();
    answer = (request) => {
      request.socket.once("close", () => gone.resolve());
      controller.abort(new Error("time is up"));
    };
    await expect(send(messageOf(), controller.signal)).rejects.toThrow("time is up");
    await gone.promise;
  });

  it("throws when the target cannot be reached", async () => {
    answer = (request) => void request.socket.destroy();
    await expect(send(messageOf())).rejects.toThrow(`the request to ${origin}/events failed: TypeError`);
  });

  it("tells no query of the target's URL when it fails, whatever the error says", async () => {
    const target: Target = {
      fetch: (url) => Promise.reject(new TypeError(`cannot load ${url}`)),
    };
    const url = "https://example.com/events?key=hunter2";
    const failed = forward(messageOf(), { url, target, constants }, new AbortController().signal);
    const error: unknown = await failed.catch((thrown: unknown) => thrown);
    expect(inspect(error, { depth: 9 })).toContain("https://example.com/events failed");
    expect(inspect(error, { depth: 9 })).not.toContain("hunter2");
  });

  it("goes through the service binding where there is one", async () => {
    const calls: unknown[] = [];
    const target = {
      fetch: async (url: string, init?: RequestInit) => {
        calls.push([url, init?.method, init?.redirect]);
        return new Response("no", { status: 422 });
      },
    };
    const { signal } = new AbortController();
    const response = await forward(messageOf(), { url: "https://target/", target, constants }, signal);
    expect(response.status).toBe(422);
    expect(calls).toEqual([["https://target/", "POST", "manual"]]);
    expect(received).toEqual([]);
  });
});
