// The verdict on a drain, row by row: what ended it, when several things did; and the sentence of every finding.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { Journal, type Note } from "../../src/report/journal.ts";
import { type Ending, ending } from "../../src/report/reasons.ts";
import { findings, type Met, verdict } from "../../src/report/verdict.ts";

const DONE: Met = {
  fetch: ending("empty"),
  denied: undefined,
  stopped: undefined,
  unconfirmed: 0,
  gone: undefined,
  lost: undefined,
  cutShort: false,
};
const LOST = ending("heartbeat-lost", "No frame.");
const DENIED = ending("permission-denied", "Allow it.");
const GONE = ending("consumer-deleted", "Another was made.");
const HUNG_UP = ending("connection-lost", "The server closed it.");

describe("what ended a drain", () => {
  const table: [what: string, met: Partial<Met>, end: Ending["reason"]][] = [
    ["how the Fetch ended", {}, "empty"],
    ["a full batch", { fetch: ending("batch-full") }, "batch-full"],
    ["max wait", { fetch: ending("max-wait") }, "max-wait"],
    [
      "the deadline, where the drain stopped the Fetch",
      { fetch: undefined, stopped: "deadline" },
      "deadline",
    ],
    [
      "the deadline, where handlers were cut after the Fetch",
      { stopped: "deadline", cutShort: true },
      "deadline",
    ],
    ["the Fetch, where the deadline came when all was done", { stopped: "deadline" }, "empty"],
    ["the caller, where the Fetch was under way", { fetch: undefined, stopped: "aborted" }, "aborted"],
    ["the caller, where handlers were cut", { stopped: "aborted", cutShort: true }, "aborted"],
    ["the Fetch, where the caller aborted when all was done", { stopped: "aborted" }, "empty"],
    [
      "failing handlers",
      { fetch: undefined, stopped: "handlers-failing", cutShort: true },
      "handlers-failing",
    ],
    ["settlements without an answer", { unconfirmed: 1 }, "connection-lost"],
    [
      "a consumer that is gone, before the connection",
      { unconfirmed: 1, gone: GONE, lost: HUNG_UP },
      "consumer-deleted",
    ],
    ["the Fetch, where the consumer went but has all", { gone: GONE }, "empty"],
    ["a connection lost when all was confirmed: nothing", { lost: HUNG_UP }, "empty"],
    [
      "settlements without an answer, before failing handlers",
      { unconfirmed: 1, stopped: "handlers-failing" },
      "connection-lost",
    ],
    [
      "the caller, before settlements without an answer",
      { unconfirmed: 1, stopped: "aborted", cutShort: true },
      "aborted",
    ],
    [
      "a permission, before the caller",
      { denied: DENIED, stopped: "aborted", cutShort: true },
      "permission-denied",
    ],
    [
      "a consumer that is gone, where the Fetch met silence",
      { fetch: LOST, unconfirmed: 1, gone: GONE },
      "consumer-deleted",
    ],
    [
      "a Fetch that failed, before all else",
      { fetch: LOST, denied: DENIED, unconfirmed: 1, cutShort: true },
      "heartbeat-lost",
    ],
  ];
  it.each(table)("is %s", (_what, met, reason) => {
    expect(verdict({ ...DONE, ...met }).reason).toBe(reason);
  });

  it("keeps what was said of it", () => {
    expect(verdict({ ...DONE, fetch: LOST })).toBe(LOST);
    expect(verdict({ ...DONE, unconfirmed: 2, lost: HUNG_UP })).toBe(HUNG_UP);
    expect(verdict({ ...DONE, unconfirmed: 2 }).message).toContain("did not confirm");
  });

  it("asks for the wait that failing handlers' target asked for, else for the table's", () => {
    const failing: Met = { ...DONE, fetch: undefined, stopped: "handlers-failing" };
    expect(verdict({ ...failing, retryAfterMs: 120_000 }).retryAfterMs).toBe(120_000);
    expect(verdict(failing).retryAfterMs).toBeUndefined();
  });
});

describe("the findings of a drain", () => {
  const sentences = {
    "handler-failed": ["TypeError on S:1", "2 handlers threw; the first: TypeError on S:1."],
    "batch-result-invalid": ["it returned 1 entries", "All were retried, because it returned 1 entries."],
    "retry-delay-failed": ["gave NaN", "retryDelay gave NaN 2 times; the default was used."],
    "dead-letter-failed": ["no responders", "2 dead letters failed; the first: no responders."],
    "dead-letter-unconfirmed": ["S:1", "2 dead letters, or copies, went out without an answer"],
    "dead-letter-copied": ["S:1", "2 messages without a delivery left were copied"],
    "dead-letter-stub": ["S:1", "2 dead letters did not fit"],
    "dead-letter-parked": ["S:1", "for a year: S:1. Set the consumer's max_deliver."],
    "dead-letter-loop": ["S:1", "2 dead letters came back"],
    "headers-dropped": ["S:1 (a b)", "2 messages have headers that cannot be carried"],
    "deliveries-exhausted": ["S:1", "2 messages used up max deliver"],
    "foreign-message": ["on x", "2 messages on the pull's inbox"],
    "ack-wait-guessed": ["", "the ack wait was taken for 30 s"],
    "ack-wait-ended": ["ORDERS:7", "started no second handler: ORDERS:7"],
    "max-deliver-unknown": ["S:1", "so 2 messages count as retried"],
    "insecure-connection": ["ws://a", "The connection is not encrypted (allowInsecure): ws://a."],
    "observer-failed": ["report", "The observer failed"],
    "history-failed": ["bucket b", "The report was not kept in the history: bucket b."],
  } as const satisfies Record<Note, readonly [detail: string, sentence: string]>;
  const table = Object.entries(sentences).map(
    ([note, [detail, said]]) => [note as Note, detail, said] as const,
  );
  it.each(table)("have a sentence for %s", (note, detail, sentence) => {
    const journal = new Journal();
    journal.note(note, detail);
    journal.note(note, detail);
    expect(findings(journal)).toEqual([{ code: note, message: expect.stringContaining(sentence) }]);
  });

  it("are all in the documents", () => {
    const api = readFileSync(new URL("../../docs/api.md", import.meta.url), "utf8");
    expect(table.filter(([note]) => !api.includes(`| \`${note}\` |`))).toEqual([]);
  });

  it("stand in one order, whatever came first, and name five at most", () => {
    const journal = new Journal();
    for (let at = 1; at <= 9; at += 1) journal.note("deliveries-exhausted", `S:${at}`);
    journal.note("handler-failed", "Error on S:1");
    const [first, second] = findings(journal);
    expect([first?.code, second?.code]).toEqual(["handler-failed", "deliveries-exhausted"]);
    expect(second?.message).toMatch(/^9 messages .*: S:1, S:2, S:3, S:4, S:5\.$/);
  });
});
