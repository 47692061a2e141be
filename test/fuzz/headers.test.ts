// Whatever bytes are a header block: reading never throws, what is read can be published again, and
// nothing is lost unnamed.
import { type Msg, headers as natsHeaders } from "@nats-io/nats-core";
import { MsgImpl } from "@nats-io/nats-core/internal";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { bytesOf } from "../../src/message/header-block.ts";
import { copyHeaders, HeaderMap, readHeaders } from "../../src/message/headers.ts";
import { readOperation } from "../../src/message/operation.ts";
import { FUZZ_TIMEOUT_MS, RUNS } from "./runs.ts";

const piece = fc.oneof(
  fc.constantFrom("NATS/1.0", "\r\n", "\r", "\n", ":", ": ", " ", "\t", "\0", "\x1b", "%", "404 No Messages"),
  fc.constantFrom(
    "Nats-Msg-Id",
    "Nats-Pin-Id",
    "ce-id",
    "Sluice-Subject",
    "KV-Operation",
    "__proto__",
    "constructor",
  ),
  fc.constantFrom("\xc3\xbc", "\xff", "\xed\xa0\x80", "\xef\xbb\xbf", "DEL"),
  fc.string({ maxLength: 8 }).map((text) => text.replace(/[^\0-\xff]/g, "?")),
);
const lines = fc.array(piece, { maxLength: 60 }).map((pieces) => pieces.join(""));
const block = fc.oneof(
  lines,
  lines.map((text) => `NATS/1.0\r\n${text}\r\n\r\n`),
);

/** As nats-core has a message that it received. */
function messageOf(bytes: Uint8Array): Msg {
  const arg = { subject: new Uint8Array(), sid: 1, hdr: bytes.length, size: bytes.length };
  return new MsgImpl(arg, bytes, { publish: () => {} }) as Msg; // its own interface, but for exact optional properties
}

test("any block is read, and written as what was read of it", { timeout: FUZZ_TIMEOUT_MS }, () => {
  fc.assert(
    fc.property(block, (text) => {
      const headers = readHeaders(messageOf(bytesOf(text)));
      for (const name of headers.keys()) expect(name).toMatch(/^[!-9;-~]+$/);
      expect(headers.dropped.every((name) => name.length < 200 && /^[ -~]*$/.test(name))).toBe(true);
      expect(Number.isSafeInteger(headers.code)).toBe(true);
      expect(["put", "delete", "purge", "expired"]).toContain(readOperation(headers));
      for (const [name, values] of headers) {
        expect(headers.get(name)).toBe(values[0]);
        expect(headers.last(name)).toBe(values.at(-1));
      }
      const again = new HeaderMap(headers.encode());
      expect([...again]).toEqual([...headers]);
      expect(again.dropped).toEqual([]);
      expect(again.encode()).toEqual(headers.encode());
      expect([...copyHeaders(headers)]).toEqual([...headers]);
    }),
    RUNS,
  );
});

test("every line of a header block is read or named", { timeout: FUZZ_TIMEOUT_MS }, () => {
  const line = fc
    .array(piece, { minLength: 1, maxLength: 5 })
    .map((pieces) => pieces.join(""))
    .filter((text) => text !== "" && !text.includes("\r\n"));
  fc.assert(
    fc.property(fc.array(line, { maxLength: 20 }), (all) => {
      const headers = new HeaderMap(bytesOf(`NATS/1.0\r\n${all.map((each) => `${each}\r\n`).join("")}\r\n`));
      const read = headers.keys().reduce((count, name) => count + headers.values(name).length, 0);
      const bad = all.filter((each) => !/^[!-9;-~]+:[^\r\n]*$/.test(each));
      expect(read).toBe(all.length - bad.length);
      expect(headers.dropped.length === 0).toBe(bad.length === 0);
    }),
    RUNS,
  );
});

test("what nats-core can read is read as nats-core does", { timeout: FUZZ_TIMEOUT_MS }, () => {
  const name = fc.stringMatching(/^[!-9;-~]{1,10}$/);
  // nats-core trims all white space, beyond the space and the tab that are no part of a value.
  const value = fc
    .string({ unit: "grapheme", maxLength: 20 })
    .map((text) => text.replace(/[\r\n]/g, "").trim());
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value), { maxLength: 20 }), (pairs) => {
      const theirs = natsHeaders() as ReturnType<typeof natsHeaders> & { encode(): Uint8Array }; // MsgHdrsImpl
      for (const [key, each] of pairs) theirs.append(key, each);
      const msg = messageOf(theirs.encode());
      expect([...readHeaders(msg)]).toEqual([...(msg.headers ?? [])]);
      const ours = copyHeaders(theirs);
      expect(ours.encode()).toEqual(theirs.encode());
    }),
    RUNS,
  );
});
