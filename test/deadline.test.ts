// Waiting with an end: what has passed already ends at once, and Node has nothing to warn of.
import { expect, onTestFinished, test } from "vitest";
import { clampDelay, nextTurn, now, timer, waitUntil } from "../src/deadline.ts";

const never = new Promise<never>(() => {});

test("a time that has passed, or is no time, ends the wait at once, without a TimeoutNegativeWarning", async () => {
  const warnings: string[] = [];
  const onWarning = (warning: Error): void => void warnings.push(warning.name);
  process.on("warning", onWarning);
  onTestFinished(() => void process.off("warning", onWarning));
  for (const ms of [-1, -1e12, Number.NEGATIVE_INFINITY, 0]) {
    await timer(ms).fired;
    expect(await waitUntil(never, now() + ms)).toEqual({ done: false });
  }
  await nextTurn(); // a warning is emitted a tick later
  expect(warnings).toEqual([]);
});

test("a time longer than a timer can hold does not fire at once", async () => {
  const late = timer(Number.POSITIVE_INFINITY);
  expect(await Promise.race([late.fired.then(() => "fired"), nextTurn().then(() => "not yet")])).toBe(
    "not yet",
  );
  late.cancel();
  expect(clampDelay(1e15)).toBe(2_147_483_647);
});

test("a rejection after the deadline is nobody's, and one before it is passed on", async () => {
  const unhandled: unknown[] = [];
  const onUnhandled = (error: unknown): void => void unhandled.push(error);
  process.on("unhandledRejection", onUnhandled);
  onTestFinished(() => void process.off("unhandledRejection", onUnhandled));
  const failing = Promise.withResolvers<void>();
  expect(await waitUntil(failing.promise, now() - 1)).toEqual({ done: false });
  failing.reject(new Error("late"));
  await nextTurn();
  expect(unhandled).toEqual([]);
  await expect(waitUntil(Promise.reject(new Error("in time")), now() + 1_000)).rejects.toThrow("in time");
});
