// Held messages are kept from redelivery: often enough for the consumer's ack wait, and only while they are held.
import type { Msg } from "@nats-io/nats-core";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Consumer } from "../src/fetch/consumer.ts";
import type { ConsumerFacts } from "../src/report/facts.ts";
import { Journal } from "../src/report/journal.ts";
import { keepAlive, keepAliveIntervalMs } from "../src/settle/keep-alive.ts";

describe("the interval of +WPI", () => {
  const facts = (ackWaitMs: number, backoffMs: readonly number[] = []): ConsumerFacts => ({
    ackPolicy: "explicit",
    deliverSubject: undefined,
    created: "2026-01-01T00:00:00Z",
    maxBatch: undefined,
    maxExpiresMs: undefined,
    maxRequestBytes: undefined,
    ackWaitMs,
    maxDeliver: undefined,
    backoffMs,
    pending: 0,
    ackPending: 0,
    maxAckPending: 1_000,
    waiting: 1,
    maxWaiting: 512,
    paused: false,
    headersOnly: false,
    leader: undefined,
    sureTo: Number.POSITIVE_INFINITY,
    inactiveThresholdMs: 0,
  });
  const table: [consumer: string, facts: ConsumerFacts | undefined, intervalMs: number][] = [
    ["the server's default where the consumer is unknown", undefined, 15_000],
    ["an ack wait of 30 s", facts(30_000), 15_000],
    ["an ack wait of 1 s", facts(1_000), 500],
    ["a backoff, which stands in for ack wait", facts(30_000, [1_000, 4_000]), 500],
    ["a backoff whose shortest step comes later", facts(30_000, [4_000, 2_000, 8_000]), 1_000],
    ["an ack wait too short to halve", facts(4), 10],
  ];
  it.each(table)("is half of %s", (_consumer, given, intervalMs) => {
    expect(keepAliveIntervalMs(given)).toBe(intervalMs);
  });
});

describe("keeping alive", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  const msg = (subject: string): Msg => ({ subject }) as Msg; // it is only passed on
  const started = async (held: () => Msg[], ackWaitMs = 1_000) => {
    const told: string[] = [];
    const facts = { ackWaitMs, backoffMs: [], inactiveThresholdMs: 0 };
    const consumer = { facts, answered: Promise.resolve({ kind: "known", facts }) } as unknown as Consumer; // what is read
    const inProgress = (messages: readonly Msg[]): void =>
      void told.push(...messages.map(({ subject }) => subject));
    const { stop, ackWaitEnded } = keepAlive(consumer, { held }, { inProgress }, new Journal());
    await vi.advanceTimersByTimeAsync(0);
    return { told, stop, ackWaitEnded };
  };

  it("tells the server of every message that is held then, at each interval", async () => {
    let held = [msg("a"), msg("b")];
    const { told } = await started(() => held);
    vi.advanceTimersByTime(499);
    expect(told).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(told).toEqual(["a", "b"]);
    held = [msg("b"), msg("c")];
    vi.advanceTimersByTime(1_000);
    expect(told).toEqual(["a", "b", "b", "c", "b", "c"]);
  });

  it("tells it sooner, and at once, where an ack wait has ended before it was due", async () => {
    const { told, stop, ackWaitEnded } = await started(() => [msg("a")], 30_000);
    ackWaitEnded(400);
    expect(told).toEqual(["a"]);
    vi.advanceTimersByTime(600);
    expect(told).toEqual(["a", "a", "a", "a"]);
    ackWaitEnded(2_000);
    vi.advanceTimersByTime(200);
    expect(told).toHaveLength(5);
    stop();
    ackWaitEnded(20);
    vi.advanceTimersByTime(5_000);
    expect(told).toHaveLength(5);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("says nothing any more once it is stopped, and leaves no timer", async () => {
    const { told, stop } = await started(() => [msg("a")]);
    vi.advanceTimersByTime(500);
    stop();
    vi.advanceTimersByTime(5_000);
    expect(told).toEqual(["a"]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("does not fire at once for an ack wait of months, which a timer cannot hold", async () => {
    const { told, stop } = await started(() => [msg("a")], 6e9);
    vi.advanceTimersByTime(60_000);
    expect(told).toEqual([]);
    stop();
  });
});
