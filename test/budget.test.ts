// The budget keeps its promises for every limit that a platform may have: properties first, then the platforms we know.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Budget,
  type BudgetOptions,
  LimitTooSmallError,
  MIN_LIMIT_MS,
  planBudget,
  targetTimeoutMs,
} from "../src/budget.ts";

const anyLimit = fc.oneof(
  fc.integer({ min: MIN_LIMIT_MS, max: 2 * MIN_LIMIT_MS }),
  fc.integer({ min: MIN_LIMIT_MS, max: 900_000 }),
  fc.double({ min: MIN_LIMIT_MS, max: 900_000, noNaN: true }),
  fc.constantFrom(Number.MAX_SAFE_INTEGER, Number.MAX_VALUE, Number.POSITIVE_INFINITY),
);

const milliseconds = (min: number): fc.Arbitrary<number> =>
  fc.oneof(
    fc.integer({ min, max: min + 1_000 }),
    fc.double({ min, max: 1_000_000, noNaN: true }),
    fc.constant(Number.MAX_VALUE),
  );

/** Whatever validateOptions lets pass. */
const anyOptions: fc.Arbitrary<BudgetOptions> = fc.record(
  {
    connectTimeoutMs: milliseconds(1),
    maxWaitMs: milliseconds(0),
    heartbeatMs: milliseconds(50),
    settleTimeoutMs: milliseconds(1),
  },
  { requiredKeys: [] },
);

function slicesOf({ connectMs, maxWaitMs, handleMs, settleMs, closeMs }: Budget): number[] {
  return [connectMs, maxWaitMs, handleMs, settleMs, closeMs];
}

function always(promise: (budget: Budget, options: BudgetOptions, limitMs: number) => void): void {
  fc.assert(
    fc.property(
      anyLimit,
      anyOptions,
      (limitMs, options) => void promise(planBudget(limitMs, options), options, limitMs),
    ),
    { numRuns: 1_000 },
  );
}

describe("for any limit and options, a budget", () => {
  it("has slices of whole milliseconds, none below zero", () => {
    always((budget) => {
      for (const slice of slicesOf(budget)) expect(Number.isSafeInteger(slice) && slice >= 0).toBe(true);
    });
  });

  it("spends the limit, to the millisecond and never more", () => {
    always((budget, _options, limitMs) => {
      expect(budget.limitMs).toBe(Math.floor(Math.min(limitMs, Number.MAX_SAFE_INTEGER)));
      expect(slicesOf(budget).reduce((sum, slice) => sum + slice, 0)).toBe(budget.limitMs);
    });
  });

  it("never gives a slice more than its option allows", () => {
    always((budget, { connectTimeoutMs, maxWaitMs, heartbeatMs, settleTimeoutMs }) => {
      expect(budget.connectMs).toBeLessThanOrEqual(connectTimeoutMs ?? Number.POSITIVE_INFINITY);
      expect(budget.maxWaitMs).toBeLessThanOrEqual(maxWaitMs ?? Number.POSITIVE_INFINITY);
      expect(budget.heartbeatMs).toBeLessThanOrEqual(heartbeatMs ?? Number.POSITIVE_INFINITY);
      expect(budget.settleMs).toBeLessThanOrEqual(settleTimeoutMs ?? Number.POSITIVE_INFINITY);
    });
  });

  it("asks for a heartbeat whose loss is seen, with a turn of the timers to spare, before max wait ends", () => {
    always(({ heartbeatMs, maxWaitMs }) => {
      if (heartbeatMs === 0) return; // none is asked for
      expect(heartbeatMs).toBeLessThanOrEqual(maxWaitMs / 3);
      expect(2.5 * heartbeatMs).toBeLessThan(maxWaitMs);
      expect(heartbeatMs).toBeGreaterThanOrEqual(50);
    });
  });

  it("asks for a heartbeat whenever max wait has room for three", () => {
    always(({ heartbeatMs, maxWaitMs }) => expect(heartbeatMs > 0).toBe(maxWaitMs >= 150));
  });

  it("keeps time for handlers and for the report, whatever the options ask", () => {
    always(({ handleMs, closeMs, limitMs }) => {
      expect(handleMs).toBeGreaterThanOrEqual(limitMs < 500 ? 100 : Math.floor(limitMs / 4));
      expect(closeMs).toBeGreaterThanOrEqual(50);
    });
  });
});

it("keeps every option to the millisecond where they all fit", () => {
  const modest = fc.integer({ min: 300, max: 5_000 });
  fc.assert(
    fc.property(modest, modest, modest, (connectTimeoutMs, maxWaitMs, settleTimeoutMs) => {
      expect(planBudget(30_000, { connectTimeoutMs, maxWaitMs, settleTimeoutMs })).toMatchObject({
        connectMs: connectTimeoutMs,
        maxWaitMs,
        settleMs: settleTimeoutMs,
      });
    }),
  );
});

describe("the budget of", () => {
  type Row = [platform: string, limitMs: number, options: BudgetOptions, budget: Omit<Budget, "limitMs">];
  const row = (
    ...[connectMs, maxWaitMs, handleMs, settleMs, closeMs, heartbeatMs]: [
      number,
      number,
      number,
      number,
      number,
      number,
    ]
  ): Row[3] => ({ connectMs, maxWaitMs, handleMs, settleMs, closeMs, heartbeatMs });
  const table: Row[] = [
    ["a 30 s cron", 30_000, {}, row(5_000, 5_000, 17_750, 2_000, 250, 1_666)],
    ["a 10 s Lambda", 10_000, {}, row(2_500, 3_333, 2_717, 1_250, 200, 1_111)],
    ["a 15 min function", 900_000, {}, row(5_000, 5_000, 887_750, 2_000, 250, 1_666)],
    ["the least limit", MIN_LIMIT_MS, {}, row(200, 0, 100, 100, 50, 0)],
    ["a function that does not wait", 30_000, { maxWaitMs: 0 }, row(5_000, 0, 22_750, 2_000, 250, 0)],
    ["a long poll", 60_000, { maxWaitMs: 40_000 }, row(4_768, 38_072, 15_002, 1_908, 250, 2_000)],
    ["a slow heartbeat", 30_000, { heartbeatMs: 20_000 }, row(5_000, 5_000, 17_750, 2_000, 250, 1_666)],
  ];
  it.each(table)("%s, %i ms with %j", (_platform, limitMs, options, budget) => {
    expect(planBudget(limitMs, options)).toEqual({ limitMs, ...budget });
  });
});

describe("a limit that is too small", () => {
  it.each([MIN_LIMIT_MS - 1, MIN_LIMIT_MS - 0.001, 1, 0, -1, Number.NaN, Number.NEGATIVE_INFINITY])(
    "such as %d is refused, with the least that works",
    (limitMs) => {
      const refused = (): Budget => planBudget(limitMs);
      expect(refused).toThrow(LimitTooSmallError);
      expect(refused).toThrow(RangeError);
      expect(refused).toThrow(
        expect.objectContaining({
          code: "SLUICE_LIMIT_TOO_SMALL",
          leastMs: MIN_LIMIT_MS,
          message: `limitMs: ${limitMs} is too small for a drain: at least ${MIN_LIMIT_MS} ms are needed`,
        }),
      );
    },
  );
});

describe("the Worker's time of one request", () => {
  it("is a third of the handling slice, so that one that never ends leaves the rest to others", () => {
    for (const limitMs of [25_000, 55_000, 900_000]) {
      const budget = planBudget(limitMs);
      expect(targetTimeoutMs(budget) / budget.handleMs).toBeCloseTo(1 / 3, 2);
    }
  });

  it("is never below a second", () => {
    expect(targetTimeoutMs(planBudget(MIN_LIMIT_MS))).toBe(1_000);
    expect(targetTimeoutMs(planBudget(1_000, { maxWaitMs: 0 }))).toBe(1_000);
  });
});
