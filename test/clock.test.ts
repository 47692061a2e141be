// Every wait of a drain has an end, and leaves neither a timer nor an unheard rejection behind.
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { clampDelay, nextTurn, now, timer, waitUntil } from "../src/deadline.ts";

// setImmediate stays real: a test below looks at what Node does a turn later.
beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
afterEach(() => void vi.useRealTimers());

describe("waiting until a deadline", () => {
  it("brings the value, and cancels its timer", async () => {
    expect(await waitUntil(Promise.resolve("value"), now() + 1_000)).toEqual({
      done: true,
      value: "value",
    });
    expect(vi.getTimerCount()).toBe(0);
  });

  it("brings a value that comes in the last millisecond", async () => {
    const { promise, resolve } = Promise.withResolvers<string>();
    const waited = waitUntil(promise, now() + 1_000);
    await vi.advanceTimersByTimeAsync(999);
    resolve("late");
    expect(await waited).toEqual({ done: true, value: "late" });
  });

  it("ends at the deadline without one", async () => {
    const deadline = now() + 1_000;
    const waited = waitUntil(new Promise<never>(() => {}), deadline);
    const endedAt = waited.then(() => now());
    await vi.advanceTimersByTimeAsync(5_000);
    expect(await waited).toEqual({ done: false });
    expect(await endedAt).toBe(deadline);
  });

  it("ends at once when the deadline has passed", async () => {
    const waited = waitUntil(new Promise<never>(() => {}), now() - 1_000);
    await vi.advanceTimersByTimeAsync(0);
    expect(await waited).toEqual({ done: false });
  });

  it("passes a rejection on, and cancels its timer", async () => {
    await expect(waitUntil(Promise.reject(new Error("refused")), now() + 1_000)).rejects.toThrow("refused");
    expect(vi.getTimerCount()).toBe(0);
  });

  it("swallows a rejection that comes when nobody waits any more", async () => {
    const unheard = vi.fn();
    process.on("unhandledRejection", unheard);
    onTestFinished(() => void process.off("unhandledRejection", unheard));
    const { promise, reject } = Promise.withResolvers<never>();
    const waited = waitUntil(promise, now() + 1_000);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await waited).toEqual({ done: false });
    reject(new Error("too late"));
    await new Promise((resolve) => setImmediate(resolve));
    expect(unheard).not.toHaveBeenCalled();
  });
});

describe("a timer", () => {
  it("fires when it is time, and not before", async () => {
    const fired = vi.fn();
    void timer(1_000).fired.then(fired);
    await vi.advanceTimersByTimeAsync(999);
    expect(fired).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(fired).toHaveBeenCalledOnce();
  });

  it("never fires once it is cancelled", async () => {
    const fired = vi.fn();
    const { fired: promise, cancel } = timer(1_000);
    void promise.then(fired);
    cancel();
    expect(vi.getTimerCount()).toBe(0);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(fired).not.toHaveBeenCalled();
  });

  it.each([
    [-5, 0],
    [0, 0],
    [1.5, 1.5],
    [2_147_483_647, 2_147_483_647],
    [2_147_483_648, 2_147_483_647],
    [Number.POSITIVE_INFINITY, 2_147_483_647],
  ])("is told to wait %d ms as %d, which setTimeout understands", (asked, told) => {
    expect(clampDelay(asked)).toBe(told);
  });
});

it("the next turn comes after every reaction that was queued before it", async () => {
  const order: string[] = [];
  void Promise.resolve()
    .then(() => order.push("first"))
    .then(() => order.push("second"));
  const turn = nextTurn().then(() => order.push("turn"));
  await vi.advanceTimersByTimeAsync(0);
  await turn;
  expect(order).toEqual(["first", "second", "turn"]);
});
