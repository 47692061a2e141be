// What a handler's result becomes, and that a count is only ever what the server confirmed.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Action,
  ack,
  decide,
  exponentialDelay,
  isSettlement,
  reject,
  retry,
  type Settlement,
} from "../src/settle/settlement.ts";

describe("a handler's result", () => {
  const retryDelay = (deliveryCount: number): number => 100 * deliveryCount;
  const nak = (delayMs: number): Action => ({ op: "nak", delayMs });
  const discard = (reason: string): Action => ({ op: "discard", reason });
  type Row = [asked: Settlement, deliveryCount: number, lastDelivery: number | undefined, action: Action];
  const table: Row[] = [
    [ack(), 1, undefined, { op: "ack" }],
    [ack(), 9, 3, { op: "ack" }],
    [retry(), 1, undefined, nak(100)],
    [retry(), 7, undefined, nak(700)],
    [retry({ delayMs: 50 }), 7, undefined, nak(50)],
    [retry({ delayMs: 0 }), 1, undefined, nak(0)],
    [retry(), 2, 3, nak(200)],
    [retry(), 3, 3, discard("failed 3 deliveries")],
    [retry({ delayMs: 50 }), 4, 3, discard("failed 4 deliveries")],
    [reject("no such customer"), 1, undefined, discard("no such customer")],
    [reject("no such customer"), 1, 3, discard("no such customer")],
  ];
  it.each(table)("%j at delivery %i of %s asks for %j", (asked, deliveryCount, lastDelivery, action) => {
    expect(decide(asked, deliveryCount, { retryDelay, lastDelivery })).toEqual(action);
  });
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

  it.each([undefined, null, true, "ack", 1, {}, { kind: "nak" }, { ok: true }, [ack()], () => ack()])(
    "is not what a handler returns by the way: %s",
    (value) => {
      expect(isSettlement(value)).toBe(false);
    },
  );
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
