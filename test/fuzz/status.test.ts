// Whatever a status on the pull's inbox says, it ends the pull with a reason, in one line, or is a heartbeat.
import fc from "fast-check";
import { expect, test } from "vitest";
import { classifyStatus } from "../../src/fetch/status.ts";
import { bytesOf } from "../../src/message/header-block.ts";
import { HeaderMap } from "../../src/message/headers.ts";
import { REASONS } from "../../src/report/reasons.ts";
import { FUZZ_TIMEOUT_MS, RUNS } from "./runs.ts";

const WORDS = [
  "Batch Completed",
  "Exceeds MaxBytes",
  "Consumer Deleted",
  "Leadership Change",
  "MaxWaiting",
  "\u001b[",
];
const code = fc.oneof(
  fc.nat(999).map(String),
  fc.constantFrom("100", "404", "408", "409", "423", "503", "1000", "-1", ""),
);
const bytes = fc.string({ unit: fc.nat(255).map((byte) => String.fromCharCode(byte)), maxLength: 2_000 });
const line = fc.tuple(code, fc.oneof(bytes, fc.constantFrom(...WORDS))).map((parts) => parts.join(" "));
const block = fc.oneof(
  bytes,
  line.map((text) => `NATS/1.0 ${text}\r\n\r\n`),
  line.map((text) => `NATS/1.0${text}`),
);

test(
  "any status ends its pull with a reason in one line, or is a heartbeat",
  () => {
    fc.assert(
      fc.property(block, fc.boolean(), fc.nat(10), (text, fill, delivered) => {
        const headers = new HeaderMap(bytesOf(text));
        expect(headers.code >= 0 && headers.code <= 999).toBe(true);
        const { code: told, description } = headers;
        const end = classifyStatus({ code: told, description, fill, delivered });
        if (end === undefined) {
          expect(told).toBe(100);
          return;
        }
        expect(REASONS).toHaveProperty(end.reason);
        expect(end.message.length).toBeLessThan(1_300);
        expect(end.message).not.toMatch(/[\p{Cc}\u202a-\u202e]/u);
      }),
      RUNS,
    );
  },
  FUZZ_TIMEOUT_MS,
);
