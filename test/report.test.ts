// The reasons are part of the API: the table here is DESIGN's, spelled out once more so that no change goes unnoticed.
import { describe, expect, it } from "vitest";
import { ending, type Outcome, REASONS, type Reason } from "../src/report/reasons.ts";
import { makeReport, type ReportFacts } from "../src/report/report.ts";

const DESIGN: Readonly<Record<Outcome, readonly Reason[]>> = {
  completed: ["empty", "batch-full", "max-wait", "deadline"],
  retryable: [
    "heartbeat-lost",
    "connection-lost",
    "connect-failed",
    "connect-timeout",
    "jetstream-unavailable",
    "leadership-changed",
    "server-shutdown",
    "limit-exceeded",
    "handlers-failing",
    "aborted",
  ],
  fatal: [
    "unauthorized",
    "permission-denied",
    "stream-not-found",
    "consumer-not-found",
    "consumer-deleted",
    "not-a-pull-consumer",
    "unsupported-consumer",
    "message-too-large",
    "bad-request",
    "invalid-options",
  ],
};

const reasonsOf = (outcome: Outcome): string[] =>
  Object.entries(REASONS).flatMap(([reason, entry]) => (entry.outcome === outcome ? [reason] : []));

describe("the table of reasons", () => {
  it.each(Object.entries(DESIGN))("has these %s ones and no other: %j", (outcome, reasons) => {
    expect(reasonsOf(outcome as Outcome)).toEqual(reasons); // a key of DESIGN
  });

  it.each(Object.entries(REASONS))(
    "says of %s one whole sentence that no other reason has",
    (_reason, { meaning }) => {
      expect(meaning).toMatch(/^[A-Z].*\.$/);
      expect(Object.values(REASONS).filter((other) => other.meaning === meaning)).toHaveLength(1);
    },
  );

  it.each(Object.entries(REASONS))(
    "asks for a wait only where %s may pass",
    (_reason, { outcome, retryAfterMs }) => {
      if (outcome !== "retryable") expect(retryAfterMs).toBeUndefined();
      else expect(retryAfterMs ?? 1_000).toBeGreaterThan(0);
    },
  );
});

describe("an ending", () => {
  it("is the table's sentence, and what this time adds to it", () => {
    expect(ending("aborted")).toEqual({ reason: "aborted", message: REASONS.aborted.meaning });
    expect(ending("aborted", "By SIGTERM.").message).toBe(`${REASONS.aborted.meaning} By SIGTERM.`);
  });
});

describe("a report", () => {
  const facts: ReportFacts = {
    stream: "ORDERS",
    consumer: "billing",
    fetched: 15,
    acked: 5,
    retried: 4,
    rejected: 3,
    deadLettered: 2,
    released: 1,
    exhausted: 0,
    unconfirmed: 0,
    pending: 9,
    more: true,
    heartbeats: 2,
    startedAt: "2025-11-22T18:20:00.000Z",
    timings: { connectMs: 30, firstMessageMs: 40, totalMs: 50 },
    findings: [{ code: "handler-failed", message: "4 handlers threw." }],
  };

  it("is the ending, what the table says of it, and the facts", () => {
    expect(makeReport(ending("connect-failed", "Refused."), facts)).toEqual({
      outcome: "retryable",
      reason: "connect-failed",
      message: `${REASONS["connect-failed"].meaning} Refused.`,
      retryAfterMs: REASONS["connect-failed"].retryAfterMs,
      ...facts,
    });
  });

  it.each(["empty", "unauthorized", "aborted"] as const)("has no wait to offer for %s", (reason) => {
    expect(makeReport(ending(reason), facts)).not.toHaveProperty("retryAfterMs");
  });

  it.each(Object.keys(REASONS))("of %s comes whole through JSON", (reason) => {
    const report = makeReport(ending(reason as Reason, "Detail."), facts); // a key of REASONS
    expect(JSON.parse(JSON.stringify(report))).toStrictEqual(report);
  });
});
