// The tables that the demo ends with.
import { expect, it } from "vitest";
import { drainTable, eventTable, isComplete } from "../../src/demo/summary.ts";

const received = new Map([
  ["com.github.push", 7],
  ["com.github.issues.opened", 12],
  ["com.github.issues.closed", 3],
  ["io.nats.jetstream.message", 1],
]);

it("counts the actions of one event together, and names what is not GitHub's by its type", () => {
  expect(eventTable(received, 40).split("\n")).toEqual([
    "event                      received",
    "─────────────────────────  ────────",
    "io.nats.jetstream.message         1",
    "issues                           15",
    "push                              7",
  ]);
});

it("the demo's summary puts as many columns side by side as fit", () => {
  expect(eventTable(received, 80).split("\n")).toEqual([
    "event                      received    event                      received",
    "─────────────────────────  ────────    ─────────────────────────  ────────",
    "io.nats.jetstream.message         1    push                              7",
    "issues                           15",
  ]);
});

it("shows a drain of which the Worker logged no report", () => {
  const drain = { trigger: "cron", answer: "exception", report: undefined, tookMs: 12.4 } as const;
  expect(drainTable([drain]).split("\n").at(-1)).toMatch(/^ +1 {2}cron +exception +- +- +- +- +- +12 ms$/);
});

it.each([
  [{ published: 2, received: 2, acked: 2, left: 0, drains: 1 }, true],
  [{ published: 2, received: 1, acked: 2, left: 0, drains: 1 }, false],
  [{ published: 2, received: 2, acked: 1, left: 1, drains: 1 }, false],
  [{ published: 2, received: 3, acked: 2, left: 0, drains: 1 }, false],
])("%j is complete: %s", (summary, complete) => {
  expect(isComplete(summary)).toBe(complete);
});
