// What an HTTP response means for the message that it answers.
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isFailureStatus, settlementOfResponse } from "../../src/settle/response.ts";
import { ack, reject, retry, type Settlement } from "../../src/settle/settlement.ts";
import { ANY_CHARACTER } from "../fuzz/runs.ts";

const NOW = Date.parse("2025-11-22T18:20:00Z");
const YEAR_MS = 31_536_000_000;

function settlementOf(status: number, retryAfter?: string): Settlement {
  const headers = { get: () => retryAfter ?? null };
  return settlementOfResponse({ status, headers }, NOW);
}

describe("a response", () => {
  it.each([200, 201, 202, 204, 206, 299])("with %i acks", (status) => {
    expect(settlementOf(status)).toEqual(ack());
    expect(settlementOf(status, "30")).toEqual(ack());
    expect(isFailureStatus(status)).toBe(false);
  });

  it.each([400, 401, 403, 404, 405, 409, 410, 413, 415, 422, 451, 499])("with %i rejects", (status) => {
    expect(settlementOf(status, "30")).toEqual(reject(`HTTP ${status}`));
    expect(isFailureStatus(status)).toBe(false);
  });

  it.each([408, 425, 429, 500, 501, 502, 503, 504, 599])(
    "with %i asks for another delivery, in its own time, and counts as a failure",
    (status) => {
      expect(settlementOf(status)).toEqual(retry());
      expect(settlementOf(status, "30")).toEqual(retry({ delayMs: 30_000 }));
      expect(isFailureStatus(status)).toBe(true);
    },
  );

  it.each([0, 300, 301, 302, 303, 304, 307, 308])(
    "with %i comes from a wrong address: it is retried",
    (status) => {
      expect(settlementOf(status)).toEqual(retry());
      expect(settlementOf(status, "30")).toEqual(retry());
      expect(isFailureStatus(status)).toBe(false);
    },
  );

  const waits: [retryAfter: string, delayMs: number | undefined][] = [
    ["1", 1_000],
    [" 120 ", 120_000],
    ["Sat, 22 Nov 2025 18:21:30 GMT", 90_000],
    ["Saturday, 22-Nov-25 18:21:30 GMT", 90_000],
    ["Sat Nov 22 18:21:30 2025", 90_000],
    ["Sat, 22 Nov 2025 18:00:00 GMT", 1_000],
    ["0", 1_000],
    ["99999999", YEAR_MS],
    ["9".repeat(400), YEAR_MS],
    ["Tue, 22 Nov 2095 18:20:00 GMT", YEAR_MS],
    ["Sat, 99 Nov 2025 18:20:00 GMT", undefined],
    ["Sat, 22 Foo 2025 18:20:00 GMT", undefined],
    ["Sat, 31 Feb 2026 18:20:00 GMT", undefined],
    ["Saturday, 31-Nov-25 18:20:00 GMT", undefined],
    ["Sat Feb 30 18:21:30 2026", undefined],
    ["Sat Nov 02 18:21:30 2030", YEAR_MS],
    ["Sat Nov  2 18:21:30 2030", YEAR_MS],
    ["Sat, 22 Nov 2025 99:99:99 GMT", undefined],
    ["", undefined],
    ["soon", undefined],
    ["30s", undefined],
    ["-5", undefined],
    ["1.5", undefined],
    ["try 5", undefined],
  ];
  it.each(waits)("with Retry-After %j asks to wait %j ms", (retryAfter, delayMs) => {
    expect(settlementOf(503, retryAfter)).toEqual(delayMs === undefined ? retry() : retry({ delayMs }));
  });

  it("has a settlement whatever it holds", () => {
    const status = fc.integer({ min: 0, max: 999 });
    const retryAfter = fc.oneof(
      fc.string({ unit: ANY_CHARACTER }),
      fc.stringMatching(/^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/),
      fc.stringMatching(/^\d+$/),
    );
    fc.assert(
      fc.property(status, retryAfter, (given, after) => {
        const settlement = settlementOf(given, after);
        if (settlement.kind !== "retry" || settlement.delayMs === undefined) return;
        expect(settlement.delayMs).toBeGreaterThanOrEqual(1_000);
        expect(settlement.delayMs).toBeLessThanOrEqual(YEAR_MS);
      }),
    );
  });
});
