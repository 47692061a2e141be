// A clock of one's own: a drain under test has the time that the test gives it.
import { describe, expect, it, onTestFinished, vi } from "vitest";
import type { DrainOptions, DrainSettings, Handler } from "../../src/index.ts";
import { FakeClock, type FakeMessage, testDrain } from "../../src/testing/index.ts";

/** Options of a drain with this handler. */
const given = (handler: Handler, settings: Partial<DrainSettings> = {}): DrainOptions => ({
  servers: "wss://nats.example.com",
  stream: "ORDERS",
  consumer: "billing",
  ...settings,
  handler,
});
const bodies = (...texts: string[]): FakeMessage[] => texts.map((data) => ({ subject: "orders.new", data }));

const hang: Handler = () => new Promise<void>(() => {});

/** A settlement may wait for others of its moment. */
const soonAfter = (ms: number): number => expect.closeTo(ms, -2);

describe("a clock of one's own", () => {
  it("gives a handler its deadline and ends its time, without a wait", async () => {
    using clock = new FakeClock(new Date("2026-11-22T18:00:00Z"));
    const deadlines: string[] = [];
    const handler: Handler = async (_message, { deadline, signal }) => {
      deadlines.push(new Date(deadline).toISOString());
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
    };
    const options = given(handler, { handlerTimeoutMs: 5_000 });
    const running = testDrain(options, { messages: bodies("a", "b") });
    await clock.advance(10_000);
    expect((await running).settlements).toMatchObject([
      { id: "ORDERS:1", kind: "retry", atMs: soonAfter(5_000) },
      { id: "ORDERS:2", kind: "retry", atMs: soonAfter(10_000) },
    ]);
    expect(deadlines).toEqual(["2026-11-22T18:00:05.000Z", "2026-11-22T18:00:10.000Z"]);
  });

  it("ends the budget: what runs is retried, what waits is released", async () => {
    using clock = new FakeClock();
    const running = testDrain(given(hang, { prefetch: 2 }), {
      limitMs: 60_000,
      messages: bodies("a", "b", "c"),
    });
    await clock.advance(60_000);
    const { report, settlements } = await running;
    expect(report).toMatchObject({ reason: "deadline", retried: 1, released: 2 });
    expect(settlements.map(({ id, kind }) => `${id} ${kind}`).sort()).toEqual([
      "ORDERS:1 retry",
      "ORDERS:2 release",
      "ORDERS:3 release",
    ]);
    // The limit without what is kept for settling and closing.
    const atMs = soonAfter(57_750);
    expect(settlements).toMatchObject([{ atMs }, { atMs }, { atMs }]);
  });

  it("stands still while nobody moves it", async () => {
    using clock = new FakeClock(0);
    const handler: Handler = async (message) => {
      if (message.text() === "slow") await new Promise((resolve) => setTimeout(resolve, 20_000));
    };
    const quick = await testDrain(given(handler), { messages: bodies("a", "b") });
    expect(quick.report.timings).toMatchObject({ connectMs: 0, firstMessageMs: 0, totalMs: 0 });
    expect(clock.now).toBe(0);
    const running = testDrain(given(handler), { messages: bodies("slow", "b") });
    await clock.advance(19_999);
    const stillThere = vi.fn();
    void running.then(stillThere);
    await clock.advance(0);
    expect(stillThere).not.toHaveBeenCalled();
    await clock.advance(1);
    expect((await running).settlements).toMatchObject([
      { kind: "ack", atMs: 20_000 },
      { kind: "ack", atMs: 20_000 },
    ]);
  });

  it("may be vitest's", async () => {
    vi.useFakeTimers({ now: 0 });
    onTestFinished(() => void vi.useRealTimers());
    const running = testDrain(given(hang, { handlerTimeoutMs: 5_000 }), {
      messages: bodies("a"),
    });
    await vi.advanceTimersByTimeAsync(6_000);
    expect((await running).settlements).toMatchObject([{ kind: "retry" }]);
  });

  it("fires timers in order, each at its time, and what follows from one before the next", async () => {
    const log: string[] = [];
    using clock = new FakeClock(1_000);
    const say = (what: string) => async () => {
      log.push(`${what} ${Date.now()}`);
      await Promise.resolve();
      log.push(`after ${what} ${Date.now()}`);
    };
    setTimeout(say("late"), 30);
    const cancelled = setTimeout(say("never"), 15);
    setTimeout(say("early"), 10);
    const interval = setInterval(say("tick"), 20);
    clearTimeout(cancelled);
    await clock.advance(40);
    clearInterval(interval);
    await clock.advance(1_000);
    expect(log.filter((line) => !line.startsWith("after"))).toEqual([
      "early 1010",
      "tick 1020",
      "late 1030",
      "tick 1040",
    ]);
    expect(log.slice(0, 4)).toEqual(["early 1010", "after early 1010", "tick 1020", "after tick 1020"]);
    expect(new Date()).toEqual(new Date(2_040));
    expect(clock.now).toBe(2_040);
  });

  it("is gone when it is disposed of, with what was set on it; timers set before it fire", async () => {
    const before = vi.fn();
    const cleared = setTimeout(before, 0);
    const { setTimeout: realTimeout, Date: RealDate } = globalThis;
    const left = vi.fn();
    {
      using clock = new FakeClock();
      setTimeout(left, 0);
      setTimeout(left, 10);
      clearTimeout(cleared);
      expect(new Date(2026, 0, 2).getDate()).toBe(2);
      expect(() => new FakeClock()).toThrow("another is in place");
      await expect(clock.advance(-1)).rejects.toThrow(RangeError);
    }
    expect([setTimeout, Date]).toEqual([realTimeout, RealDate]);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(left).not.toHaveBeenCalled();
    expect(before).not.toHaveBeenCalled();
  });
});
