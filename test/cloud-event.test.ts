// CloudEvents in both modes of the NATS binding, and what is none.
import { headers as makeHeaders } from "@nats-io/nats-core";
import { describe, expect, it } from "vitest";
import { readCloudEvent } from "../src/message/cloud-event.ts";
import { DeliveredMessage } from "../src/message/message.ts";

function messageOf(headers: Record<string, string>, body: string | Uint8Array): DeliveredMessage {
  const made = makeHeaders();
  for (const [key, value] of Object.entries(headers)) made.append(key, value);
  const data = typeof body === "string" ? new TextEncoder().encode(body) : body;
  return new DeliveredMessage({ headers: made, data } as ConstructorParameters<typeof DeliveredMessage>[0]); // all that is read
}

/** One byte a character. */
const latin1 = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));

const STRUCTURED = { "Content-Type": "application/cloudevents+json" };
const ATTRIBUTES = { "ce-specversion": "1.0", "ce-id": "7", "ce-source": "/orders", "ce-type": "order.made" };
const EVENT = { specversion: "1.0", id: "7", source: "/orders", type: "order.made" };

describe("a CloudEvent in binary mode", () => {
  it("attributes come from headers, percent-decoded, and JSON data is parsed", () => {
    const headers = {
      ...ATTRIBUTES,
      "ce-subject": "m%C3%BCnchen",
      "ce-tenant": "a",
      "Content-Type": "application/json",
    };
    expect(readCloudEvent(messageOf(headers, '{"total":7}'))).toEqual({
      ...EVENT,
      subject: "münchen",
      tenant: "a",
      datacontenttype: "application/json",
      data: { total: 7 },
    });
  });

  it.each([
    ["text/plain", "hello", "hello"],
    ["application/vnd.order+json", "[1]", [1]],
    ["image/png", "x", new TextEncoder().encode("x")],
  ])("data of type %s is read as such", (contentType, body, data) => {
    expect(readCloudEvent(messageOf({ ...ATTRIBUTES, "Content-Type": contentType }, body)).data).toEqual(
      data,
    );
  });

  it.each<[contentType: string, data: unknown]>([
    ["text/plain; charset=UTF-8", "ü"],
    ['text/plain; charset="utf8"', "ü"],
    ["text/plain; charset=ISO-8859-1", new TextEncoder().encode("ü")],
    ["application/json-seq", new TextEncoder().encode("ü")],
  ])("data of type %s is text only as far as it is UTF-8", (contentType, data) => {
    expect(readCloudEvent(messageOf({ ...ATTRIBUTES, "Content-Type": contentType }, "ü")).data).toEqual(data);
  });

  it("names of headers are of any case, and the first of two for one attribute counts", () => {
    const headers = {
      "CE-SpecVersion": "1.0",
      "Ce-Id": "7",
      "ce-id": "8",
      "CE-SOURCE": "/orders",
      "ce-Type": "order.made",
    };
    expect(readCloudEvent(messageOf({ ...headers, "CONTENT-TYPE": "application/json" }, "[]"))).toEqual({
      ...EVENT,
      datacontenttype: "application/json",
      data: [],
    });
  });

  it("a percent sign that encodes nothing stays, and nothing is decoded twice", () => {
    const headers = { ...ATTRIBUTES, "ce-subject": "100% of %2525, %zz" };
    expect(readCloudEvent(messageOf(headers, "")).subject).toBe("100% of %25, %zz");
  });

  it("only the body is data", () => {
    const headers = { ...ATTRIBUTES, "ce-data": "forged", "ce-__proto__": "x" };
    expect(readCloudEvent(messageOf(headers, ""))).toEqual(EVENT);
  });

  it("an event without a body has no data", () => {
    expect(readCloudEvent(messageOf(ATTRIBUTES, ""))).toEqual(EVENT);
  });
});

describe("a CloudEvent in structured mode", () => {
  const type = { "Content-Type": "application/cloudevents+json; charset=utf-8" };

  it("all comes from the body", () => {
    expect(readCloudEvent(messageOf(type, JSON.stringify({ ...EVENT, data: { total: 7 } })))).toEqual({
      ...EVENT,
      data: { total: 7 },
    });
  });

  it("an attribute that is null is one that is not there, and null is data", () => {
    const event = { ...EVENT, subject: null, tenant: null, data: null };
    expect(readCloudEvent(messageOf(type, JSON.stringify(event)))).toEqual({ ...EVENT, data: null });
  });

  it("the type may be of any case, without parameters, and the body have a byte order mark", () => {
    const headers = { "content-TYPE": "Application/CloudEvents+JSON" };
    expect(readCloudEvent(messageOf(headers, `\ufeff${JSON.stringify(EVENT)}`))).toEqual(EVENT);
  });

  it("headers are no attributes", () => {
    const headers = { ...type, "ce-id": "8", "ce-subject": "forged" };
    expect(readCloudEvent(messageOf(headers, JSON.stringify(EVENT)))).toEqual(EVENT);
  });

  it("data_base64 is bytes", () => {
    const event = readCloudEvent(messageOf(type, JSON.stringify({ ...EVENT, data_base64: btoa("bytes") })));
    expect(event).toEqual({ ...EVENT, data: new TextEncoder().encode("bytes") });
  });
});

describe("what is no CloudEvent is refused with the reason, and without its body", () => {
  it.each([
    ["no specversion", {}, "secret", "specversion"],
    ["another version", { ...ATTRIBUTES, "ce-specversion": "0.3" }, "secret", "specversion"],
    ["no id", { "ce-specversion": "1.0", "ce-source": "/", "ce-type": "t" }, "secret", "id is missing"],
    ["data that is no JSON", { ...ATTRIBUTES, "Content-Type": "application/json" }, "secret", "not JSON"],
    ["a body that is no JSON", { "Content-Type": "application/cloudevents+json" }, "secret", "not JSON"],
    [
      "a body that is no object",
      { "Content-Type": "application/cloudevents+json" },
      '["secret"]',
      "not an object",
    ],
    ["a batch of them", { "Content-Type": "application/cloudevents-batch+json" }, '["secret"]', "batch"],
    [
      "an escape that is not UTF-8",
      { ...ATTRIBUTES, "ce-subject": "%C3%28" },
      "secret",
      "subject is percent-encoded",
    ],
    [
      "text that is not UTF-8",
      { ...ATTRIBUTES, "Content-Type": "text/plain" },
      latin1("secret \xfc"),
      "not UTF-8",
    ],
    [
      "JSON that is not UTF-8",
      { ...ATTRIBUTES, "Content-Type": "text/json" },
      latin1('"secret \xfc"'),
      "not JSON",
    ],
    ["an id that is a number", STRUCTURED, JSON.stringify({ ...EVENT, id: 7 }), "id is missing"],
    ["an id that is empty", STRUCTURED, JSON.stringify({ ...EVENT, id: "" }), "id is missing"],
    [
      "a subject that is no text",
      STRUCTURED,
      JSON.stringify({ ...EVENT, subject: ["secret"] }),
      "subject is not text",
    ],
    ["data twice", STRUCTURED, JSON.stringify({ ...EVENT, data: "secret", data_base64: "" }), "both"],
    ["base64 that is none", STRUCTURED, JSON.stringify({ ...EVENT, data_base64: "secret!" }), "not base64"],
    [
      "base64 that is no text",
      STRUCTURED,
      JSON.stringify({ ...EVENT, data_base64: ["secret"] }),
      "not base64",
    ],
    ["another format", { "Content-Type": "application/cloudevents+avro" }, "secret", "avro"],
  ])("%s", (_what, headers, body: string | Uint8Array, reason) => {
    const read = () => readCloudEvent(messageOf(headers as Record<string, string>, body));
    expect(read).toThrow(
      expect.objectContaining({ code: "SLUICE_INVALID_VALUE", message: expect.stringContaining(reason) }),
    );
    expect(read).not.toThrow(/secret/);
  });
});
