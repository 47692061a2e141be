// The statistics that the bench rests on.
import { expect, test } from "vitest";
import { alternate, median } from "./stats.ts";

test("the median is the middle of the sorted values, or the mean of the two", () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([7])).toBe(7);
  expect(median([])).toBeNaN();
});

test("sides take turns, there and back again, and warm-ups do not count", async () => {
  const order: string[] = [];
  const results = await alternate(["a", "b"], { count: 2, warmUps: 1 }, async (side, round) => {
    order.push(side);
    return round;
  });
  expect(order).toEqual(["b", "a", "a", "b", "b", "a"]);
  expect(results).toEqual({ a: [0, 1], b: [0, 1] });
});
