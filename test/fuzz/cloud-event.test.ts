// Whatever a message is, it is a CloudEvent whose required attributes are there, or it is refused
// in words that do not quote it.
import { headers as natsHeaders } from "@nats-io/nats-core";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { decodeAttribute, encodeAttribute } from "../../src/message/attributes.ts";
import { readCloudEvent } from "../../src/message/cloud-event.ts";
import { InvalidValueError } from "../../src/message/invalid-value.ts";
import { DeliveredMessage } from "../../src/message/message.ts";
import { ANY_CHARACTER, FUZZ_TIMEOUT_MS, RUNS } from "./runs.ts";

const SECRET = "4111-1111";
const names = fc.constantFrom(
  "ce-id",
  "CE-ID",
  "ce-source",
  "ce-type",
  "ce-specversion",
  "ce-data",
  "ce-x",
  "ce-__proto__",
);
const types = fc.constantFrom(
  "application/json",
  "application/cloudevents+json; charset=utf-8",
  "Application/CloudEvents+JSON",
  "application/cloudevents-batch+json",
  "application/cloudevents",
  "text/plain; charset=latin1",
  "text/plain",
  "",
);
const text = fc.oneof(fc.string(), fc.constantFrom("1.0", "%C3%BC", "%C3", "%", "100%", "__proto__", "null"));
const attribute = fc.oneof(text, fc.jsonValue());
const event = fc.dictionary(
  fc.constantFrom("id", "source", "type", "specversion", "subject", "data", "data_base64", "__proto__", "x"),
  attribute,
);
const body = fc.oneof(
  event.map((value) => new TextEncoder().encode(JSON.stringify({ ...value, secret: SECRET }))),
  event.map((value) =>
    new TextEncoder().encode(
      JSON.stringify({ specversion: "1.0", id: "7", source: "/", type: "t", ...value }),
    ),
  ),
  fc.constant(new TextEncoder().encode(`{"${SECRET}`)),
  fc.uint8Array(),
);
const headers = fc.array(fc.tuple(fc.oneof(names, fc.constant("Content-Type")), fc.oneof(types, text)), {
  maxLength: 8,
});

test("a message is a CloudEvent, or is refused", { timeout: FUZZ_TIMEOUT_MS }, () => {
  fc.assert(
    fc.property(headers, body, (pairs, data) => {
      const made = natsHeaders();
      for (const [name, value] of pairs) made.append(name, value.replace(/[\r\n]/g, ""));
      const message = new DeliveredMessage({ headers: made, data } as ConstructorParameters<
        typeof DeliveredMessage
      >[0]); // all that is read
      try {
        const { specversion, id, source, type, subject } = readCloudEvent(message);
        expect(specversion).toBe("1.0");
        expect([id, source, type].every((value) => typeof value === "string" && value !== "")).toBe(true);
        expect(["string", "undefined"]).toContain(typeof subject);
      } catch (error) {
        if (!(error instanceof InvalidValueError)) throw error;
        expect(error.message).not.toContain(SECRET);
        expect(error.message.length).toBeLessThan(200);
      }
    }),
    RUNS,
  );
});

test("an attribute in a header comes back as it was", { timeout: FUZZ_TIMEOUT_MS }, () => {
  fc.assert(
    fc.property(fc.string({ unit: ANY_CHARACTER }), (value) => {
      const encoded = encodeAttribute(value);
      expect(encoded).toMatch(/^[!-~]*$/);
      expect(decodeAttribute(encoded)).toBe(value.toWellFormed());
    }),
    RUNS,
  );
});

test("any header is decoded once, or refused", { timeout: FUZZ_TIMEOUT_MS }, () => {
  const escaped = fc.array(
    fc.oneof(fc.stringMatching(/^%[0-9a-fA-F]{2}$/), fc.string({ maxLength: 3 }), fc.constant("%")),
  );
  fc.assert(
    fc.property(escaped, (pieces) => {
      const value = pieces.join("");
      const decoded = decodeAttribute(value);
      if (!/%[0-9a-f]{2}/i.test(value)) expect(decoded).toBe(value);
      if (decoded !== undefined) expect(decoded.length).toBeLessThanOrEqual(value.length);
    }),
    RUNS,
  );
});
