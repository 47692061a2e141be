// The end of an invocation, after reports on other workers: what is done is acked, what is not comes again, and nothing twice.
import { expect, test } from "vitest";
import { defineDrain, type Handler, type Message, type Report, retry } from "../../src/index.ts";
import { type Bed, pause, scenarioServer, sum, total } from "./bed.ts";

const given = scenarioServer();

/** Drains, and aborts so long after the first handler has started. */
function aborted(bed: Bed, handler: Handler, afterMs: number, own: object = {}): Promise<Report> {
  const stop = new AbortController();
  const wrapped: Handler = (message, context) => {
    setTimeout(() => stop.abort(), afterMs);
    return handler(message, context);
  };
  const drain = defineDrain({
    ...bed.options,
    stream: bed.stream,
    consumer: "worker",
    ...own,
    handler: wrapped,
  });
  return drain.run({ limitMs: 6_000, signal: stop.signal });
}

/** Drains until nothing is left. */
async function rest(bed: Bed, handler: Handler): Promise<Report[]> {
  const reports: Report[] = [];
  for (let run = 0; run < 20 && (await bed.left()) > 0; run += 1) reports.push(await bed.drain({ handler }));
  return reports;
}

// celery/celery #9492, #7950: what was fetched ahead is run at the shutdown, and given back all the same.
// sidekiq/sidekiq #622: what runs at a hard shutdown is lost.
test.each([0, 15, 40, 90])(
  "an abort %d ms after the first handler: each message is acked once, or comes again",
  async (ms) => {
    const bed = await given(20, { max_deliver: 5 });
    const done: number[] = [];
    const handler = async ({ sequence }: Message, { signal }: { signal: AbortSignal }): Promise<void> => {
      await pause(10);
      if (!signal.aborted) done.push(sequence);
    };
    const first = await aborted(bed, handler, ms, { concurrency: 3, prefetch: 9 });
    expect(sum(first)).toBe(first.fetched);
    expect(first.acked).toBe(done.length);
    expect(first.acked + (await bed.left())).toBe(20);
    const reports = [first, ...(await rest(bed, handler))];
    expect(done.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, at) => at + 1));
    expect([total(reports, "acked"), total(reports, "exhausted")]).toEqual([20, 0]);
  },
);

// celery/celery #3802, taskforcesh/bullmq #834: what ends during a shutdown, well or badly, is not told to the queue.
test("handlers that run when the drain stops by itself end, and are counted as they ended", async () => {
  const bed = await given(12);
  const started = Promise.withResolvers<void>();
  const handler = async ({ sequence }: Message): Promise<void> => {
    if (sequence === 4) started.resolve();
    // All four run by then, however the deliveries came.
    await started.promise;
    if (sequence === 1) throw new Error("first");
    await pause(100);
    if (sequence === 3) throw new Error("third");
  };
  const report = await bed.drain({ handler, concurrency: 4, stopAfterFailures: 1, retryDelay: () => 60_000 });
  expect(report).toMatchObject({ outcome: "retryable", reason: "handlers-failing", acked: 2, retried: 2 });
  expect(sum(report)).toBe(report.fetched);
  expect(await bed.left()).toBe(10);
});

// sidekiq/sidekiq #4112 and #1805: a job that fails because of the shutdown is given back, and retried, and runs twice.
test("a handler that fails because its signal aborts is counted once, and comes again once", async () => {
  const bed = await given(1);
  const counts: number[] = [];
  const handler: Handler = ({ deliveryCount }, { signal }) => {
    counts.push(deliveryCount);
    if (deliveryCount > 1) return undefined;
    return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  };
  const first = await aborted(bed, handler, 10);
  expect(first).toMatchObject({ reason: "aborted", fetched: 1, retried: 1, findings: [] });
  await rest(bed, handler);
  expect([counts, await bed.left()]).toEqual([[1, 2], 0]);
});

// sidekiq/sidekiq #2760: what becomes of a job without retries that cannot end in time.
test("a message cut at its only delivery is a dead letter that says so, or is counted", async () => {
  for (const isDead of [true, false]) {
    const bed = await given(1, { max_deliver: 1 });
    const subject = `dlq.${bed.stream}`;
    await bed.server.createStream(`DEAD-${bed.stream}`, { subjects: [subject] });
    const own = isDead ? { deadLetter: { subject } } : {};
    const report = await aborted(bed, () => new Promise<void>(() => {}), 10, own);
    expect(report).toMatchObject({ retried: 0, deadLettered: isDead ? 1 : 0, exhausted: isDead ? 0 : 1 });
    const dead = await bed.server.messages(`DEAD-${bed.stream}`);
    expect(dead.map(({ headers }) => headers["Sluice-Reason"])).toEqual(
      isDead ? ["the drain ended before the handler did"] : [],
    );
  }
});

// taskforcesh/bullmq #4163: a worker never closes while every job puts itself off.
test("handlers that all put their message off do not keep a drain from its limit, nor from an abort", async () => {
  const handler = () => retry({ delayMs: 1 });
  const bed = await given(10);
  const report = await bed.drain({ handler, until: "limit", concurrency: 4 }, 1_500);
  expect(report).toMatchObject({ outcome: "completed", acked: 0 });
  expect(report.timings.totalMs).toBeLessThan(1_500);
  expect(sum(report)).toBe(report.fetched);
  const stopped = await aborted(bed, handler, 100, { until: "limit" });
  expect(stopped).toMatchObject({ outcome: "retryable", reason: "aborted" });
  expect(stopped.timings.totalMs).toBeLessThan(3_000);
  expect(await bed.left()).toBeGreaterThanOrEqual(10); // 2.9.10 counts one of them twice
});

// dust-tt/dust #4272: an attempt that timed out goes on, and its late result is taken for the next attempt's.
test("a handler that ends after its time settles nothing, also while the next attempt runs", async () => {
  const bed = await given(1);
  const late = Promise.withResolvers<void>();
  let attempts = 0;
  const handler = async (): Promise<void> => {
    attempts += 1;
    if (attempts === 1) return late.promise;
    late.resolve();
    await pause(50);
    throw new Error("second");
  };
  const options = {
    handler,
    handlerTimeoutMs: 100,
    retryDelay: (count: number) => (count === 1 ? 10 : 60_000),
  };
  const report = await bed.drain({ ...options, until: "limit" }, 1_500);
  expect(report).toMatchObject({ fetched: 2, acked: 0, retried: 2 });
  expect(await bed.left()).toBe(1);
});
