// A scheduler's ticks, each a drain that waits for more until its limit, and messages published at random moments meanwhile.
import { setTimeout as sleep } from "node:timers/promises";
import { type DrainSettings, defineDrain, type Report } from "../../src/index.ts";

export interface Ticks {
  readonly drain: DrainSettings;
  /** From one tick to the next. */
  readonly everyMs: number;
  /** Of each drain; above `everyMs` the drains of two ticks overlap. */
  readonly limitMs: number;
  readonly ticks: number;
  readonly messages: number;
  /** Resolves when the stream has the message. */
  publish(body: string): Promise<void>;
  /** From 0 to below 1. @default Math.random */
  readonly random?: () => number;
}

export interface Ticked {
  /** From publish to handled, and when the message was published: since the first tick, and since the last before it. */
  readonly waits: readonly { readonly waitMs: number; readonly atMs: number; readonly intoTickMs: number }[];
  readonly reports: readonly Report[];
  readonly handlings: number;
}

/**
 * Lets the drains run tick after tick, and publishes from the first drain's connection to the end of the last tick.
 *
 * @throws {Error} a message was not handled
 */
export async function runTicks(given: Ticks): Promise<Ticked> {
  const { everyMs, limitMs, ticks, messages, random = Math.random } = given;
  const sentAt: number[] = [];
  const handledAt: number[] = [];
  let handlings = 0;
  const connected = Promise.withResolvers<void>();
  const drain = defineDrain({
    ...given.drain,
    until: "limit",
    codec: "text",
    schema: undefined,
    observer: { connected: () => connected.resolve() },
    handler: ({ value }) => {
      handlings += 1;
      handledAt[Number(value)] ??= performance.now();
    },
  });
  const startedAt = performance.now();
  // One tick more, whose drain finds what the gap after the last one left.
  const runs = Array.from({ length: ticks + 1 }, async (_, tick) => {
    await until(startedAt + tick * everyMs);
    return await drain.run({ limitMs: tick === ticks ? Math.min(limitMs, 1_000) : limitMs });
  });
  await connected.promise;
  const leftMs = startedAt + ticks * everyMs - performance.now();
  const moments = Array.from({ length: messages }, () => random() * leftMs).sort((a, b) => a - b);
  const from = performance.now();
  const published = moments.map(async (moment, index) => {
    await until(from + moment);
    sentAt[index] = performance.now();
    await given.publish(String(index));
  });
  await Promise.all(published);
  const reports = await Promise.all(runs);
  const waits = sentAt.map((sent, index) => {
    const handled = handledAt[index];
    if (handled === undefined) throw new Error(`message ${index} of ${messages} was not handled`);
    const atMs = sent - startedAt;
    return { waitMs: handled - sent, atMs, intoTickMs: atMs % everyMs };
  });
  return { waits, reports, handlings };
}

async function until(at: number): Promise<void> {
  await sleep(Math.max(0, at - performance.now()));
}
