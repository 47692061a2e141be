// The pace of a drain: what the next pull request asks for, so that no delivery is spent on a message that nobody handles.
import { describe, expect, it } from "vitest";
import { firstPull, nextPull, type Pace } from "../src/fetch/pace.ts";

const NEW = { limit: undefined, redeliverable: 0, latestCount: 1 };
const BASE: Pace = {
  concurrency: 1,
  prefetch: 1,
  leftMs: 1_000,
  elapsedMs: 500,
  roundTripMs: 1,
  queued: 0,
  running: 0,
  handled: 50,
  slowestMs: 10,
  last: NEW,
};

describe("the first pull", () => {
  it.each([
    ["twice the concurrency", { concurrency: 4, prefetch: 4, last: NEW }, 8],
    [
      "the concurrency alone at max deliver 1",
      { concurrency: 4, prefetch: 4, last: { ...NEW, limit: 1 } },
      4,
    ],
    [
      "the concurrency alone at max deliver 2",
      { concurrency: 4, prefetch: 4, last: { ...NEW, limit: 2 } },
      4,
    ],
    [
      "twice the concurrency where nothing waits for another delivery",
      { concurrency: 4, prefetch: 4, last: { ...NEW, limit: 3 } },
      8,
    ],
    [
      "the concurrency where something does",
      { concurrency: 4, prefetch: 4, last: { ...NEW, limit: 3, redeliverable: 1 } },
      4,
    ],
  ] as const)("asks for %s", (_what, pace, batch) => {
    expect(firstPull(pace)).toBe(batch);
  });
});

describe("a later pull", () => {
  const table: [what: string, pace: Partial<Pace>, batch: number][] = [
    ["asks for half of what the pace can handle in the time left", {}, 50],
    ["asks for less by what is queued", { queued: 1, roundTripMs: 100 }, 49],
    ["asks for nothing while enough is queued", { queued: 5 }, 0],
    [
      "fills a free slot although half of the rest is less than one",
      { handled: 1, elapsedMs: 300, leftMs: 500, slowestMs: 300 },
      1,
    ],
    [
      "asks for nothing when the slowest handler would not end in time",
      { handled: 1, elapsedMs: 300, leftMs: 299, slowestMs: 300 },
      0,
    ],
    ["asks for nothing when the time is up", { leftMs: 0 }, 0],
    [
      "asks for no more than a hundred times what was handled",
      { handled: 1, elapsedMs: 0.01, slowestMs: 0 },
      100,
    ],
    [
      "asks for no more than max deliver times what was handled, where deliveries are limited",
      { handled: 2, elapsedMs: 2, slowestMs: 1, last: { ...NEW, limit: 5 } },
      10,
    ],
    [
      "goes by the slowest handler where deliveries are limited",
      { last: { ...NEW, limit: 5 }, slowestMs: 100 },
      5,
    ],
    [
      "takes only free slots where the next may be a last delivery",
      { last: { limit: 2, redeliverable: 1, latestCount: 1 } },
      1,
    ],
    [
      "and where the latest came one before its last",
      { last: { limit: 4, redeliverable: 9, latestCount: 3 } },
      1,
    ],
    [
      "nothing for slots that only messages behind others of their key could have",
      { concurrency: 4, running: 1, waiting: 3, last: { ...NEW, limit: 1 } },
      0,
    ],
    ["and less what waits so", { waiting: 20, queued: 1, roundTripMs: 100 }, 29],
    ["and while handlers fail, which may end the drain", { failuresLeft: 3 }, 1],
    ["and always at max deliver 1", { last: { ...NEW, limit: 1 } }, 1],
  ];
  it.each(table)("%s", (_what, pace, batch) => {
    expect(nextPull({ ...BASE, ...pace })).toBe(batch);
  });
});
