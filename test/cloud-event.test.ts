// CloudEvents in both modes of the NATS binding, and what is none.
import { headers as makeHeaders } from "@nats-io/nats-core";
import { describe, expect, it } from "vitest";
import { readCloudEvent } from "../src/message/cloud-event.ts";
import { DeliveredMessage } from "../src/message/message.ts";

function messageOf(headers: Record<string, string>, body: string): DeliveredMessage {
  const made = makeHeaders();
  for (const [key, value] of Object.entries(headers)) made.append(key, value);
  const data = new TextEncoder().encode(body);
  return new DeliveredMessage({ headers: made, data } as ConstructorParameters<typeof DeliveredMessage>[0]); // all that is read
}

const ATTRIBUTES = { "ce-specversion": "1.0", "ce-id": "7", "ce-source": "/orders", "ce-type": "order.made" };
const EVENT = { specversion: "1.0", id: "7", source: "/orders", type: "order.made" };

describe("in binary mode", () => {
  it("attributes come from headers, percent-decoded, and JSON data is parsed", () => {
    const headers = {
      ...ATTRIBUTES,
      "ce-subject": "m%C3%BCnchen",
      "ce-tenant": "a",
      "Content-Type": "application/json",
    };
    expect(readCloudEvent(messageOf(headers, '{"total":7}'))).toEqual({
      ...{ ...EVENT, subject: "münchen", tenant: "a", datacontenttype: "application/json" },
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

  it("an event without a body has no data", () => {
    expect(readCloudEvent(messageOf(ATTRIBUTES, ""))).toEqual(EVENT);
  });
});

describe("in structured mode", () => {
  const type = { "Content-Type": "application/cloudevents+json; charset=utf-8" };

  it("all comes from the body", () => {
    expect(readCloudEvent(messageOf(type, JSON.stringify({ ...EVENT, data: { total: 7 } })))).toEqual({
      ...EVENT,
      data: { total: 7 },
    });
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
    ["another format", { "Content-Type": "application/cloudevents+avro" }, "secret", "avro"],
  ])("%s", (_what, headers, body, reason) => {
    const read = () => readCloudEvent(messageOf(headers as Record<string, string>, body));
    expect(read).toThrow(
      expect.objectContaining({ code: "SLUICE_INVALID_VALUE", message: expect.stringContaining(reason) }),
    );
    expect(read).not.toThrow(/secret/);
  });
});
