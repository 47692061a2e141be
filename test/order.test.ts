// Order by key: pure.
import { describe, expect, it } from "vitest";
import { KeyOrder } from "../src/handle/key-order.ts";

interface Job {
  readonly name: string;
}

describe("order by key", () => {
  const order = (last: readonly string[] = []) =>
    new KeyOrder<Job>({
      keyOf: ({ name }) => name.charAt(0),
      sequenceOf: ({ name }) => Number(name.slice(1)),
      canGoBack: ({ name }) => !last.includes(name),
    });
  const job = (name: string): Job => ({ name });

  it("lets one of a key through at a time, and keys side by side", () => {
    const keys = order();
    const [a1, a2, b1] = [job("a1"), job("a2"), job("b1")];
    expect([a1, a2, b1].map((each) => keys.admit(each, 0))).toEqual(["ready", "waiting", "ready"]);
    expect([keys.waiting(), keys.waitingCount]).toEqual([[a2], 1]);
    expect(keys.ended(a1, undefined, 0)).toEqual({ next: a2, back: [] });
    expect(keys.ended(a2, undefined, 0)).toEqual({ back: [] });
    expect(keys.admit(job("a3"), 0)).toBe("ready");
  });

  it("sends back what waits behind a retry, each due after the one before it", () => {
    const keys = order();
    const [a1, a2, a3] = [job("a1"), job("a2"), job("a3")];
    for (const each of [a1, a2, a3]) keys.admit(each, 0);
    const { next, back } = keys.ended(a1, 1_000, 0);
    expect(next).toBeUndefined();
    expect(keys.waitingCount).toBe(0);
    expect(back.map((each) => each.job)).toEqual([a2, a3]);
    const [second, third] = back.map(({ afterMs }) => afterMs);
    expect(second).toBeGreaterThan(1_000);
    expect(third).toBeGreaterThan(second ?? 0);
    // One of the key that comes later goes back too, and after them.
    const late = keys.admit(job("a4"), 500);
    expect(late).toMatchObject({ job: { name: "a4" } });
    expect(500 + (typeof late === "object" ? late.afterMs : 0)).toBeGreaterThan(third ?? 0);
  });

  it("lets what went back through again, in its order, when it comes", () => {
    const keys = order();
    const [a1, a2, a3] = [job("a1"), job("a2"), job("a3")];
    for (const each of [a1, a2, a3]) keys.admit(each, 0);
    keys.ended(a1, 100, 0);
    const again = [job("a2"), job("a1"), job("a2"), job("a3")];
    expect(again.map((each) => keys.admit(each, 150))).toEqual([
      expect.objectContaining({ job: again[0] }),
      "ready",
      "waiting",
      "waiting",
    ]);
  });

  it("waits no longer than a little for one that does not come again", () => {
    const keys = order();
    keys.admit(job("a1"), 0);
    keys.ended(job("a1"), 100, 0);
    const a1 = job("a1");
    keys.admit(a1, 0);
    keys.ended(a1, 100, 0);
    expect(keys.admit(job("a2"), 200)).toMatchObject({ afterMs: expect.any(Number) });
    expect(keys.admit(job("a2"), 60_000)).toBe("ready");
  });

  it("lets a last delivery through before its turn, for it cannot go back", () => {
    const keys = order(["a2", "a4"]);
    const [a1, a2, a3, a4] = [job("a1"), job("a2"), job("a3"), job("a4")];
    for (const each of [a1, a2, a3]) keys.admit(each, 0);
    const { next, back } = keys.ended(a1, 1_000, 0);
    expect(next).toBe(a2);
    expect(back.map((each) => each.job)).toEqual([a3]);
    expect(keys.admit(a4, 10)).toBe("waiting");
  });
});
