// Whatever a reply subject is, it is an ack subject of known meaning, or none: never a number that is none.
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { isAckSubjectOf, parseAckSubject } from "../../src/message/ack-subject.ts";
import { FUZZ_TIMEOUT_MS, RUNS } from "./runs.ts";

const token = fc.string({ minLength: 1, maxLength: 12 }).filter((text) => !text.includes("."));
const count = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
const delivery = fc.record({
  stream: token,
  consumer: token,
  deliveryCount: count,
  sequence: count,
  consumerSequence: count,
  timestampMs: fc.integer({ min: 0, max: 9_000_000_000_000 }),
  nanos: fc.integer({ min: 0, max: 999_999 }),
  pending: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
  before: fc.option(fc.tuple(token, token)),
  after: fc.array(token, { maxLength: 3 }),
});
const digits = fc.stringMatching(/^\d{1,24}$/);
const junk = fc.oneof(digits, token, fc.constantFrom("", "-1", "1.5", "1e3", "NaN", "$JS", "ACK", "_"));
const nearly = fc
  .tuple(fc.constantFrom("$JS.ACK.", "$JS.ACK", "$JS.API.", ""), fc.array(junk, { maxLength: 12 }))
  .map(([prefix, tokens]) => prefix + tokens.join("."));

test("an ack subject says what was put into it", { timeout: FUZZ_TIMEOUT_MS }, () => {
  fc.assert(
    fc.property(delivery, ({ before, after, consumerSequence, nanos, ...info }) => {
      const { stream, consumer, deliveryCount, sequence, timestampMs, pending } = info;
      const time = `${timestampMs}${String(nanos).padStart(6, "0")}`;
      const numbers = [deliveryCount, sequence, consumerSequence, time, pending];
      const tokens = [...(before ?? []), stream, consumer, ...numbers, ...(before ? after : [])];
      const subject = `$JS.ACK.${tokens.join(".")}`;
      expect(parseAckSubject(subject)).toEqual({ ...info, timestampNanos: time });
      expect(isAckSubjectOf(subject, stream, consumer)).toBe(true);
      expect(isAckSubjectOf(subject, stream, `${consumer}x`)).toBe(false);
      expect(isAckSubjectOf(subject, `${stream}x`, consumer)).toBe(false);
    }),
    RUNS,
  );
});

test("a subject that is no ack subject is refused, by both who read them", {
  timeout: FUZZ_TIMEOUT_MS,
}, () => {
  fc.assert(
    fc.property(fc.oneof(nearly, fc.string()), token, token, (subject, stream, consumer) => {
      try {
        const info = parseAckSubject(subject);
        expect(isAckSubjectOf(subject, info.stream, info.consumer)).toBe(true);
        const { deliveryCount, sequence, timestampMs, pending } = info;
        for (const number of [deliveryCount, sequence, timestampMs, pending]) {
          expect(Number.isSafeInteger(number) && number >= 0).toBe(true);
        }
        expect(new Date(timestampMs).getTime()).toBe(timestampMs);
      } catch (error) {
        expect(error).toBeInstanceOf(SyntaxError);
        expect(isAckSubjectOf(subject, stream, consumer)).toBe(false);
      }
    }),
    RUNS,
  );
});
