// Batch handlers: each message that a Fetch brought is handled, however the Fetch ended, and none is pulled that no batch
// has time for.
import { expect, test } from "vitest";
import type { Message, Report } from "../../src/index.ts";
import { scenarioServer, sum } from "./bed.ts";

const given = scenarioServer();
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test("fill with fewer messages than the batch: the batch handler gets them when max wait ends", async () => {
  const { drain, left } = await given(2);
  const sizes: number[] = [];
  const batchHandler = ({ length }: readonly Message[]): void => void sizes.push(length);
  const report = await drain({ batchHandler, fill: true, batch: 5 });
  expect(report).toMatchObject({
    outcome: "completed",
    reason: "max-wait",
    fetched: 2,
    acked: 2,
    released: 0,
  });
  expect([sizes, await left()]).toEqual([[2], 0]);
});

test("a Fetch that fails when some of its batch is here: they are handled, and the report says both", async () => {
  const { server, stream, drain } = await given(2);
  let handled = 0;
  let deleting: Promise<unknown> | undefined;
  const observer = {
    connected: (): void => {
      const delivered = async () => (await server.consumerState(stream, "worker")).ackPending;
      deleting = expect
        .poll(delivered)
        .toBe(2)
        .then(() => server.deleteConsumer(stream, "worker"));
    },
  };
  const batchHandler = ({ length }: readonly Message[]): void => {
    handled += length;
  };
  const report = await drain({ batchHandler, observer, fill: true, batch: 5, maxWaitMs: 2_000 });
  await deleting;
  expect(report).toMatchObject({ outcome: "fatal", reason: "consumer-deleted", fetched: 2, acked: 0 });
  expect([handled, report.unconfirmed]).toEqual([2, 2]);
});

test.each([1, 10])("max_ack_pending %d below the batch: the drain goes on, batch by batch", async (max) => {
  const { drain, left } = await given(40, { max_ack_pending: max });
  const sizes: number[] = [];
  const batchHandler = async ({ length }: readonly Message[]): Promise<void> => {
    sizes.push(length);
    await pause(5);
  };
  const report = await drain({ batchHandler, batch: 100 }, 8_000);
  expect(report).toMatchObject({ outcome: "completed", reason: "empty", fetched: 40, acked: 40, pending: 0 });
  expect([Math.max(...sizes), sizes.length, await left()]).toEqual([max, 40 / max, 0]);
});

test.concurrent.each([1, 2])(
  "max deliver %d: no batch is pulled that cannot end in the time left",
  async (max) => {
    const { drain, left } = await given(20, { max_deliver: max });
    const reports: Report[] = [];
    const batchHandler = () => pause(400);
    for (let run = 0; run < 8 && (await left()) > 0; run += 1)
      reports.push(await drain({ batchHandler, batch: 5, fetches: 10 }, 1_500));
    const total = (count: "acked" | "retried" | "exhausted"): number =>
      reports.reduce((all, report) => all + report[count], 0);
    expect([total("acked"), total("retried"), total("exhausted")]).toEqual([20, 0, 0]);
    expect(reports.every((report) => sum(report) === report.fetched)).toBe(true);
  },
);
