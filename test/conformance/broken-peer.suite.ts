// A peer that breaks at any moment: a drain of a real server, cut off after so many bytes of one direction, from the first of
// the upgrade to the last of the close. It ends in less than its limit, and what it reports is true.
import { describe, expect, test } from "vitest";
import { defineDrain, type Report } from "../../src/index.ts";
import { type LabServer, labProxy, labServer } from "../support/lab-client.ts";

const LIMIT_MS = 4_000;
const MESSAGES = 3;
/** So many in each direction, evenly from the first byte to the last: some 50 to 100 bytes apart. */
const MOMENTS = 24;
/** A Worker waits for the headers of six at most. */
const AT_ONCE = 6;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** One drain of all the messages, over a proxy of its own. */
async function drained(
  server: LabServer,
  consumer: string,
  moment?: Parameters<Proxy["breakAt"]>[0],
  limitMs = LIMIT_MS,
) {
  await server.createConsumer("ORDERS", consumer, { ack_wait: 60_000 * 1e6 });
  const proxy = await labProxy(server);
  if (moment) await proxy.breakAt(moment);
  const handled: number[] = [];
  const drain = defineDrain({
    servers: proxy.url,
    auth: { user: "drain", password: "drain-pw" },
    stream: "ORDERS",
    consumer,
    maxWaitMs: 500,
    handler: async ({ sequence }) => {
      handled.push(sequence);
      await pause(20);
    },
  });
  const startedAt = performance.now();
  const report = await drain.run({ limitMs });
  return { report, handled, tookMs: performance.now() - startedAt, bytes: await proxy.counts() };
}

type Proxy = Awaited<ReturnType<typeof labProxy>>;

function sum(report: Report): number {
  const { acked, retried, rejected, deadLettered, released, exhausted, unconfirmed } = report;
  return acked + retried + rejected + deadLettered + released + exhausted + unconfirmed;
}

export function brokenPeerSuite(runtime: string): void {
  describe(`a peer that breaks, in ${runtime}`, () => {
    const moments = (["down", "up"] as const).flatMap((direction) =>
      (["end", "reset", "silence"] as const).map((how) => ({ direction, how })),
    );
    test.each(moments)(
      "by $how at any byte that goes $direction: the drain ends in less than its limit, and tells the truth",
      async ({ direction, how }) => {
        const server = await labServer();
        await server.createStream("ORDERS");
        await server.publish("ORDERS.new", MESSAGES, 200);
        const whole = await drained(server, "whole", undefined, 5 * LIMIT_MS);
        expect(whole.report).toMatchObject({ reason: "empty", acked: MESSAGES });
        const told = new Set<string>();
        const one = async (at: number): Promise<void> => {
          const bytes = Math.round((at / (MOMENTS - 2)) * whole.bytes[direction]);
          // As long as the first, so that as many bytes go either way.
          const consumer = `m${String(bytes).padStart(4, "0")}`;
          const { report, handled, tookMs } = await drained(server, consumer, { direction, bytes, how });
          told.add(report.reason);
          const { pending, ackPending } = await server.consumerState("ORDERS", consumer);
          const seen = { bytes, ...report };
          expect(tookMs, JSON.stringify(seen)).toBeLessThan(LIMIT_MS);
          // What broke may be whole a moment later: no such drain is fatal.
          expect(report.outcome, JSON.stringify(seen)).not.toBe("fatal");
          expect(sum(report), JSON.stringify(seen)).toBe(report.fetched);
          expect(report.acked, JSON.stringify(seen)).toBeLessThanOrEqual(MESSAGES - pending - ackPending);
          expect(handled).toEqual([...new Set(handled)]);
        };
        for (let at = 0; at < MOMENTS; at += AT_ONCE)
          await Promise.all(Array.from({ length: Math.min(AT_ONCE, MOMENTS - at) }, (_, of) => one(at + of)));
        // From before the connection to behind the last byte, where nothing breaks any more.
        expect([...told]).toContain("empty");
        expect([...told].some((reason) => reason.startsWith("connect-"))).toBe(true);
        expect(told.size).toBeGreaterThanOrEqual(3);
      },
      60_000,
    );
  });
}
