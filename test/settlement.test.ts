// What a handler's result becomes, and that a count is only ever what the server confirmed.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Action, decide, type TurnEnd } from "../src/settle/decide.ts";
import { ack, exponentialDelay, isSettlement, reject, retry } from "../src/settle/settlement.ts";

describe("a turn's end", () => {
  const retryDelay = (deliveryCount: number): number => 100 * deliveryCount;
  const nak = (waitMs: number, as: "retried" | "released" | "exhausted" = "retried"): Action => ({
    op: "nak",
    waitMs,
    as,
  });
  const discard = (reason: string): Action => ({ op: "discard", reason });
  const released: TurnEnd = { kind: "release", waitMs: 10 };
  const cut: TurnEnd = { kind: "cut", waitMs: 10 };
  type Row = [
    end: TurnEnd,
    count: number,
    max: number | undefined,
    deadLetterAfter: number | undefined,
    action: Action,
  ];
  const never = Number.POSITIVE_INFINITY;
  const table: Row[] = [
    [ack(), 1, undefined, undefined, { op: "ack" }],
    [ack(), 9, 3, 3, { op: "ack" }],
    [retry(), 1, undefined, undefined, nak(100)],
    [retry(), 7, undefined, undefined, nak(700)],
    [retry({ delayMs: 50 }), 7, undefined, undefined, nak(50)],
    [retry({ delayMs: 0 }), 1, undefined, undefined, nak(0)],
    [retry(), 2, 3, 3, nak(200)],
    [retry(), 3, 3, 3, discard("failed at delivery 3")],
    [retry({ delayMs: 50 }), 4, undefined, 3, discard("failed at delivery 4")],
    // `maxDeliveries` above max deliver: the smaller counts.
    [retry(), 3, 3, 5, discard("failed at delivery 3")],
    [retry(), 3, 3, never, discard("failed at delivery 3")],
    [retry(), 9, undefined, never, nak(900)],
    // Nothing can save it, and the report says so.
    [retry(), 3, 3, undefined, nak(300, "exhausted")],
    [reject("no such customer"), 1, undefined, undefined, discard("no such customer")],
    [reject("no such customer"), 1, 3, 3, discard("no such customer")],
    [released, 1, 3, undefined, nak(10, "released")],
    [released, 3, 3, undefined, nak(10, "exhausted")],
    [released, 3, 3, 3, discard("the drain ended before a handler started")],
    // Not failed: only the server's own limit counts.
    [released, 2, undefined, 2, nak(10, "released")],
    [cut, 1, undefined, undefined, nak(10)],
    [cut, 3, 3, undefined, nak(10, "exhausted")],
    [cut, 3, 3, never, discard("the drain ended before the handler did")],
  ];
  it.each(table)(
    "%j at delivery %d of %s, dead letter after %s, asks for %j",
    (end, count, max, deadLetterAfter, action) => {
      expect(decide(end, { count, max, deadLetterAfter }, retryDelay)).toEqual(action);
    },
  );
});

describe("a settlement", () => {
  it.each([-1, -0.001, Number.NaN, Number.POSITIVE_INFINITY])("refuses to retry after %d ms", (delayMs) => {
    expect(() => retry({ delayMs })).toThrow(
      new RangeError(`delayMs: must be at least 0 ms, not ${delayMs}`),
    );
  });

  it.each([ack(), retry(), retry({ delayMs: 5 }), reject("why")])(
    "is told from other results: %j",
    (settlement) => {
      expect(isSettlement(settlement)).toBe(true);
    },
  );

  it.each([
    undefined,
    null,
    true,
    "ack",
    1,
    {},
    { kind: "nak" },
    { kind: "retry", delayMs: 5 },
    { kind: "ack" },
    { ok: true },
    [ack()],
    () => ack(),
  ])("is not what a handler returns by the way: %s", (value) => {
    expect(isSettlement(value)).toBe(false);
  });
});

describe("the delay before the next delivery", () => {
  const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  const delivery = fc.oneof(
    fc.integer({ min: 1, max: 20 }),
    fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  );

  it("doubles from 1 s to 5 min, and jitter takes half of it at most", () => {
    fc.assert(
      fc.property(delivery, random, (deliveryCount, chance) => {
        const whole = Math.min(300_000, 1_000 * 2 ** (deliveryCount - 1));
        const delayMs = exponentialDelay(deliveryCount, chance);
        expect(Number.isInteger(delayMs)).toBe(true);
        expect(delayMs).toBeGreaterThanOrEqual(whole / 2);
        expect(delayMs).toBeLessThanOrEqual(whole);
      }),
    );
  });

  it.each([
    [1, 0, 500],
    [1, 0.5, 750],
    [2, 0, 1_000],
    [9, 0.5, 192_000],
    [10, 0, 150_000],
    [5_000, 0, 150_000],
  ])("at delivery %i with chance %d is %i ms", (deliveryCount, chance, delayMs) => {
    expect(exponentialDelay(deliveryCount, chance)).toBe(delayMs);
  });
});
