// What doctor concludes from a consumer's counts, its history, and the names around it: a row for each conclusion.
import { describe, expect, it } from "vitest";
import { betweenCrons } from "../../src/cli/doctor/cron.ts";
import { evidence } from "../../src/observe/evidence.ts";
import type { ConsumerCounts, Known } from "../../src/observe/known.ts";
import { closest, missingConsumer, missingStream } from "../../src/observe/missing.ts";
import type { StreamState } from "../../src/observe/stream-state.ts";
import { reportOf } from "../support/report.ts";

const QUIET: ConsumerCounts = {
  pending: 0,
  unacked: 0,
  redelivered: 0,
  waiting: 0,
  paused: false,
  lastDelivered: 10,
  settledUpTo: 10,
};
const FACTS = { stream: "ORDERS", consumer: "billing", maxDeliver: 10, maxAckPending: 1_000 };
const DOWN = reportOf("empty", { fetched: 2, acked: 0, retried: 2 });
const FAILED = reportOf("handlers-failing");

/** The codes of what is found. */
function found(counts: Partial<ConsumerCounts>, own: Partial<Known> = {}): string[] {
  const known = { facts: FACTS, reports: [], targetIsDown: false, ...own, counts: { ...QUIET, ...counts } };
  return evidence(known).map(({ code }) => code);
}

describe("a consumer's counts", () => {
  it.each<[codes: string[], counts: Partial<ConsumerCounts>, own?: Partial<Known>]>([
    [[], {}],
    [[], { unacked: 5, settledUpTo: 5 }],
    [["redelivered"], { unacked: 5, redelivered: 5, settledUpTo: 5 }],
    [[], { unacked: 5, redelivered: 5, settledUpTo: 5 }, { targetIsDown: true }],
    [["poison-message"], { unacked: 1, redelivered: 1, settledUpTo: 5 }],
    [["poison-message"], { unacked: 1, redelivered: 1, settledUpTo: 5 }, { targetIsDown: true }],
    // With a filter the sequences between are other consumers' messages.
    [
      ["redelivered"],
      { unacked: 1, redelivered: 1, settledUpTo: 5 },
      { facts: { ...FACTS, filterSubjects: ["a"] } },
    ],
    [["deliveries-exhausted"], { redelivered: 2 }],
    [["deliveries-exhausted"], {}, { reports: [reportOf(undefined, { exhausted: 3 })] }],
    [[], { redelivered: 2 }, { facts: { ...FACTS, maxDeliver: -1 } }],
    [["nothing-succeeds"], {}, { reports: [reportOf(), DOWN, DOWN] }],
    [[], {}, { reports: [DOWN, DOWN, reportOf()] }],
    [[], {}, { reports: [reportOf(), DOWN] }],
    [[], {}, { reports: [DOWN, DOWN], targetIsDown: true }],
    [["max-deliver-pace"], {}, { reports: [reportOf("deadline", { fetched: 50, acked: 10, released: 40 })] }],
    [[], {}, { reports: [reportOf("deadline", { fetched: 40, acked: 10, released: 30 })] }],
    [[], {}, { reports: [reportOf("deadline", { fetched: 50, acked: 10, retried: 40 })] }],
    [["ack-pending-full"], { unacked: 1_000, settledUpTo: 0, lastDelivered: 1_000 }],
    [["consumer-paused"], { paused: true }],
    [["last-drains-failed"], {}, { reports: [reportOf(), FAILED, FAILED] }],
    [[], {}, { reports: [FAILED, reportOf(), FAILED] }],
  ])("say %j of %j", (codes, counts, own) => {
    expect(found(counts, own)).toEqual(codes);
  });
});

describe("a consumer's stream", () => {
  const HELD: StreamState = { stream: "ORDERS", subjects: ["orders.>"], messages: 5, bytes: 500 };
  const NEVER = { delivered: 0, lastDelivered: 0, settledUpTo: 0 };
  const FILTERED = { ...FACTS, filterSubjects: ["orders.us"] };

  it.each<[codes: string[], counts: Partial<ConsumerCounts>, own: Partial<Known>]>([
    [["filter-matches-nothing"], NEVER, { held: HELD, facts: FILTERED }],
    [[], NEVER, { facts: FILTERED }],
    [[], { ...NEVER, pending: 1 }, { held: HELD, facts: FILTERED }],
    [[], { ...NEVER, delivered: 1 }, { held: HELD, facts: FILTERED }],
    [[], NEVER, { held: { ...HELD, messages: 0 }, facts: FILTERED }],
    [["deliver-policy"], { ...NEVER, deliverPolicy: "new" }, { held: HELD }],
    [["deliver-policy"], { ...NEVER, deliverPolicy: "last", pending: 1 }, { held: HELD }],
    [["deliver-policy"], { ...NEVER, deliverPolicy: "by_start_time" }, { held: HELD }],
    [[], { ...NEVER, deliverPolicy: "by_start_time", pending: 3 }, { held: HELD }],
    [[], { ...NEVER, deliverPolicy: "last", pending: 1 }, { held: { ...HELD, messages: 1 } }],
    [[], { deliverPolicy: "new", delivered: 2 }, { held: HELD }],
    [["stream-full"], {}, { held: { ...HELD, discard: "new", maxMessages: 5 } }],
    [["stream-full"], {}, { held: { ...HELD, discard: "new", maxMessages: -1, maxBytes: 590 } }],
    [[], {}, { held: { ...HELD, discard: "new", maxMessages: 6, maxBytes: 600 } }],
    [[], {}, { held: { ...HELD, discard: "old", maxMessages: 5, maxBytes: 590 } }],
    [["stream-max-age"], {}, { held: { ...HELD, maxAgeMs: 60_000 }, betweenRunsMs: 60_000 }],
    [[], {}, { held: { ...HELD, maxAgeMs: 60_001 }, betweenRunsMs: 60_000 }],
    [[], {}, { held: { ...HELD, maxAgeMs: 0 }, betweenRunsMs: 60_000 }],
    [[], {}, { held: { ...HELD, maxAgeMs: 60_000 } }],
    [["priority-group"], { priorityGroups: ["A"] }, {}],
    [[], { priorityGroups: ["A"] }, { pullsByGroup: true }],
  ])("says %j of %j with %j", (codes, counts, own) => {
    expect(found(counts, own)).toEqual(codes);
  });
});

describe("a name that is not found", () => {
  const NAMES = { stream: "ORDERS", consumer: "billing", names: undefined, reports: [] };

  it.each([
    ["billing", ["biling", "shipping"], "biling"],
    ["BILLING", ["billing"], "billing"],
    ["billing", ["shipping"], undefined],
    ["a", ["b"], "b"],
    ["billing", [], undefined],
  ])("%s has, of %j, the closest %s", (name, names, close) => {
    expect(closest(name, names)).toBe(close);
  });

  it("is a wrong name, or a consumer that its threshold deleted, as far as can be told", () => {
    expect(missingConsumer(NAMES).message).toMatch(/Is the name right\?.*InactiveThreshold/);
    expect(missingConsumer({ ...NAMES, names: ["x"] }).message).toContain("The stream has: x.");
    expect(missingConsumer({ ...NAMES, names: ["bill-ing"] }).message).toContain('Did you mean "bill-ing"?');
    expect(missingConsumer({ ...NAMES, names: ["bill-ing"] }).message).not.toContain("InactiveThreshold");
  });

  it("was there, when the history has a drain that found it", () => {
    const gone = reportOf("consumer-not-found");
    const finding = { code: "inactive-threshold", message: "The server deletes it after 5s." };
    const reports = [reportOf(undefined, { findings: [finding] }), gone];
    expect(missingConsumer({ ...NAMES, names: ["bill-ing"], reports }).message).toContain(finding.message);
    expect(missingConsumer({ ...NAMES, reports: [gone] }).message).not.toContain("was there when");
  });

  it("shows a few of many streams", () => {
    const names = Array.from({ length: 30 }, (_, at) => `S${at}`);
    expect(missingStream({ ...NAMES, names }).message).toMatch(/S9, …\.$/);
  });
});

it.each([
  ["* * * * *", 60_000],
  ["*/5 * * * *", 300_000],
  ["0 * * * *", 3_600_000],
  ["30 */6 * * *", 21_600_000],
  ["0 3 * * *", 86_400_000],
  ["0 3 * * 1", undefined],
  ["1,31 * * * *", undefined],
  ["nonsense", undefined],
])("the cron %s runs every %d ms", (expression, betweenMs) => {
  expect(betweenCrons(expression)).toBe(betweenMs);
});
