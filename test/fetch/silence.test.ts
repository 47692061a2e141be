// Silence of two heartbeats is a loss, unless it was this process that heard nothing.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Late, type SilenceWatch, watchSilence } from "../../src/fetch/silence.ts";

const HEARTBEAT_MS = 1_000;

let stalledMs: number;
beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "queueMicrotask", "performance"] });
  const now = performance.now.bind(performance);
  stalledMs = 0;
  vi.spyOn(performance, "now").mockImplementation(() => now() + stalledMs);
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** A watch, and what it has said. */
function watched(heartbeatMs = HEARTBEAT_MS, deadlineMs = 60_000): { watch: SilenceWatch; said: Late[] } {
  const said: Late[] = [];
  const bounds = {
    heartbeatMs,
    expiresMs: 3_000,
    firstAnswerMs: 0,
    deadline: performance.now() + deadlineMs,
  };
  return { watch: watchSilence(bounds, (late) => said.push(late)), said };
}

/** A frame came, in a turn of its own. */
async function frame(watch: SilenceWatch): Promise<void> {
  watch.frame();
  await vi.advanceTimersByTimeAsync(0);
}

/** The process does not run for so long, just before it would look. */
async function stall(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(2 * HEARTBEAT_MS - 1);
  stalledMs += ms;
  await vi.advanceTimersByTimeAsync(1);
}

describe("the watch on the heartbeat", () => {
  it("says how long it was silent, soon after two heartbeats", async () => {
    const { watch, said } = watched();
    await vi.advanceTimersByTimeAsync(500);
    await frame(watch);
    await vi.advanceTimersByTimeAsync(2 * HEARTBEAT_MS - 10);
    expect(said).toEqual([]);
    await vi.advanceTimersByTimeAsync(200);
    expect(said).toEqual([{ silentMs: expect.closeTo(2_100, -2) }]);
  });

  it("says nothing while frames come", async () => {
    const { watch, said } = watched();
    for (let beat = 0; beat < 30; beat += 1) {
      await vi.advanceTimersByTimeAsync(HEARTBEAT_MS);
      await frame(watch);
    }
    expect(said).toEqual([]);
    watch.stop();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(said).toEqual([]);
  });

  it.each([HEARTBEAT_MS, 0])(
    "gives a server that stood still with the process the time to go on (heartbeat %i ms)",
    async (heartbeatMs) => {
      const { watch, said } = watched(heartbeatMs);
      await vi.advanceTimersByTimeAsync(heartbeatMs === 0 ? 2_000 : 0);
      await stall(20_000);
      await vi.advanceTimersByTimeAsync(300);
      expect(said).toEqual([]);
      await frame(watch);
      await vi.advanceTimersByTimeAsync(2 * HEARTBEAT_MS - 10);
      expect(said).toEqual([]);
    },
  );

  it("finds a server that is gone after such a stall, too", async () => {
    const { said } = watched();
    await stall(20_000);
    await vi.advanceTimersByTimeAsync(2 * HEARTBEAT_MS);
    expect(said).toHaveLength(1);
    expect(said[0]).toMatchObject({ silentMs: expect.any(Number) });
  });

  it("finds it also where every look comes late", async () => {
    const { said } = watched();
    await stall(100);
    for (let waitedMs = 0; waitedMs < 10_000; waitedMs += 10) {
      stalledMs += 30;
      await vi.advanceTimersByTimeAsync(10);
    }
    expect(said).toHaveLength(1);
  });

  it("keeps the deadline, however late it can look", async () => {
    const { said } = watched(HEARTBEAT_MS, 10_000);
    await stall(20_000);
    expect(said).toEqual(["deadline"]);
  });
});
