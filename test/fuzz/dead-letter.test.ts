// Whatever a message and a reason are, their dead letter has headers that every client and terminal can take.
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { bytesOf } from "../../src/message/header-block.ts";
import { HeaderMap } from "../../src/message/headers.ts";
import { DeliveredMessage } from "../../src/message/message.ts";
import { deadLetterHeaders } from "../../src/settle/dead-letter.ts";
import { ANY_CHARACTER, FUZZ_TIMEOUT_MS, RUNS } from "./runs.ts";

const AT = new Date("2025-11-22T18:20:00.123Z");
const name = fc.oneof(
  fc.constantFrom(
    "Sluice-Subject",
    "sluice-sequence",
    "SLUICE-STUB",
    "nats-ttl",
    "Nats-Rollup",
    "Trace",
    "Foo Bar",
    "\xff",
  ),
  fc.stringMatching(/^[ -~]{1,8}$/),
);
const value = fc.string({ maxLength: 20 }).map((text) => text.replace(/[^\0-\xff]/g, "?"));
const field = fc.tuple(name, value).map(([key, each]) => `${key}: ${each}\r\n`);
const form = fc.constantFrom("whole", "without-headers", "stub" as const);
const reason = fc.oneof(
  fc.string({ unit: ANY_CHARACTER }),
  fc.constantFrom("\r\n\r\nPUB x 0", "\x1b[31m", "\u202e", "\ud800"),
);

function readable(headers: HeaderMap): void {
  const again = new HeaderMap(headers.encode());
  expect([...again]).toEqual([...headers]);
  expect(again.dropped).toEqual([]);
}

test("a dead letter tells its own story, and no other", { timeout: FUZZ_TIMEOUT_MS }, () => {
  fc.assert(
    fc.property(fc.array(field, { maxLength: 20 }), reason, reason, form, (fields, why, subject, as) => {
      const own = new HeaderMap(bytesOf(`NATS/1.0\r\n${fields.join("")}\r\n`));
      const reply = "$JS.ACK.ORDERS.billing.3.42.40.1763835600123456789.7";
      const msg = { subject, reply, data: new Uint8Array(), headers: own };
      const message = new DeliveredMessage(
        msg as unknown as ConstructorParameters<typeof DeliveredMessage>[0],
      ); // all that is read
      const headers = deadLetterHeaders(message, why, AT, as);
      readable(headers);
      const names = headers.keys().map((key) => key.toLowerCase());
      expect(names.filter((key) => key.startsWith("nats-"))).toEqual([]);
      expect(names.filter((key) => key === "sluice-sequence")).toHaveLength(1);
      expect(headers.values("Sluice-Sequence")).toEqual(["42"]);
      expect(headers.has("Sluice-Stub")).toBe(as === "stub");
      for (const key of ["Sluice-Subject", "Sluice-Reason", "Sluice-Dropped-Headers"]) {
        expect(headers.get(key)).not.toMatch(/[\p{Cc}\u2028-\u202e\u2066-\u2069]/u);
      }
      // A subject that is shown otherwise than it is can be none.
      const shown = headers.get("Sluice-Subject");
      if (shown !== subject.replace(/^[ \t]+|[ \t]+$/g, "")) expect(shown).toMatch(/\(not as it is\)$/);
      for (const key of own.keys()) {
        if (/^(nats|sluice)-/i.test(key)) continue;
        if (as === "whole") expect(headers.values(key)).toEqual(own.values(key));
        else expect(headers.has(key)).toBe(false);
      }
    }),
    RUNS,
  );
});
