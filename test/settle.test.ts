// Settlements on their way: what is sent, when, and what counts as confirmed.
import type { Msg } from "@nats-io/nats-core";
import * as fc from "fast-check";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { Answers } from "../src/connection/inbox.ts";
import { nextTurn, now } from "../src/deadline.ts";
import { Outbox } from "../src/settle/outbox.ts";
import { Receipts } from "../src/settle/receipts.ts";

const none = { acked: 0, retried: 0, rejected: 0, deadLettered: 0, released: 0, exhausted: 0 };
const msg = (reply = "$JS.ACK.S.C.1.1.1.1.0"): Msg => ({ reply }) as Msg; // the part that the outbox uses
/** As nats-core has it: the bytes of its header block, and how many they are. */
const block = new TextEncoder().encode("NATS/1.0 503\r\n\r\n");
const noResponders = { _msg: { hdr: block.length }, _rdata: block };
const soon = (): number => now() + 200;

/** What the consumer's leader answers: all that it is asked, no responders, or nothing. */
type Leader = "answers" | "gone" | "silent";

/** An outbox whose leader is in this process. `sent` has the payloads, and `asked` the ones that asked for an answer. */
function outbox(leader: Leader = "answers", confirmEach = false, isAwaited = true) {
  const sent: string[] = [];
  const asked: string[] = [];
  const frames: string[] = [];
  const answers = new Answers();
  const answer = (msg: Partial<Msg>): void => answers.inbox.receive(msg as Msg); // what receipts read of it
  let onFlush = (): void => {};
  const box = new Outbox({
    isAwaited: () => isAwaited,
    write: (protocol) => {
      frames.push(protocol);
      for (const [, reply, size, payload = ""] of protocol.matchAll(
        /PUB \S+ (?:(\S+) )?(\d+)\r\n(.*)\r\n/g,
      )) {
        expect(payload).toHaveLength(Number(size));
        sent.push(payload);
        if (!reply) continue;
        asked.push(payload);
        const status = leader === "gone" ? noResponders : {};
        if (leader !== "silent") setTimeout(() => answer({ subject: reply, ...status } as Partial<Msg>), 1);
      }
    },
    flush: async () => {
      onFlush();
      await nextTurn();
      return true;
    },
    receipts: new Receipts({ lost: Promise.withResolvers<never>().promise }, answers),
    isClosed: () => false,
    confirmEach,
  });
  return {
    box,
    sent,
    asked,
    frames,
    onFlush: (call: () => void) => {
      onFlush = call;
    },
  };
}

describe("the outbox", () => {
  it("says each settlement in the words of the protocol, a delay in nanoseconds", async () => {
    const { box, sent } = outbox();
    box.ack(msg());
    box.nak(msg(), 1_500, "retried");
    box.nak(msg(), 0.25, "released");
    box.term(msg(), "rejected");
    await box.confirm(soon());
    box.inProgress([msg()]);
    expect(sent).toEqual(["+ACK", '-NAK {"delay":1500000000}', '-NAK {"delay":1000000}', "+TERM", "+WPI"]);
  });

  it.each([false, true])(
    "knows what it acked or termed, asked about or not (each: %s)",
    async (confirmEach) => {
      const { box } = outbox("silent", confirmEach);
      box.ack(msg("a"));
      box.nak(msg("b"), 5, "retried");
      await nextTurn();
      box.term(msg("c"), "deadLettered");
      expect(box.finished().map(({ subject, as }) => [subject, as])).toEqual([
        ["a", "acked"],
        ["c", "deadLettered"],
      ]);
    },
  );

  it("sends what a turn of the event loop settled together, and without waiting for the drain's end", async () => {
    const { box, sent, frames } = outbox();
    box.ack(msg());
    box.ack(msg());
    expect(sent).toEqual([]);
    await nextTurn();
    expect(sent).toEqual(["+ACK", "+ACK"]);
    expect(frames).toHaveLength(1);
  });

  it("never naks without a delay that the server can read, or every delivery would be gone in milliseconds", () => {
    return fc.assert(
      fc.asyncProperty(fc.double(), async (delayMs) => {
        const { box, sent } = outbox();
        box.nak(msg(), delayMs, "retried");
        await box.confirm(soon());
        const delay = /^-NAK \{"delay":(\d+)\}$/.exec(sent[0] ?? "")?.[1] ?? "none";
        expect(BigInt(delay)).toBeGreaterThanOrEqual(1_000_000n);
        expect(BigInt(delay)).toBeLessThan(2n ** 63n); // a Go time.Duration
      }),
      { examples: [[Number.NaN], [Number.POSITIVE_INFINITY], [-1], [0]], numRuns: 50 },
    );
  });

  it("asks the leader about the last nak and the last settlement, whose answer stands for all before it", async () => {
    const { box, asked } = outbox();
    box.ack(msg());
    box.nak(msg(), 1, "retried");
    box.nak(msg(), 1, "exhausted");
    box.term(msg(), "deadLettered");
    box.ack(msg());
    expect(box.confirmed).toEqual(none);
    await box.confirm(soon());
    expect(asked).toEqual(['-NAK {"delay":1000000}', "+ACK"]);
    expect(box.confirmed).toEqual({ ...none, acked: 2, retried: 1, exhausted: 1, deadLettered: 1 });
  });

  it("sends the last ack once more when it had gone out before, and never a nak", async () => {
    const acked = outbox();
    acked.box.ack(msg());
    await nextTurn();
    await acked.box.confirm(soon());
    expect([acked.sent, acked.asked]).toEqual([["+ACK", "+ACK"], ["+ACK"]]);
    expect(acked.box.confirmed).toEqual({ ...none, acked: 1 });
    const naked = outbox();
    naked.box.nak(msg(), 1, "retried");
    await nextTurn();
    await naked.box.confirm(soon());
    expect(naked.sent).toHaveLength(1);
    expect(naked.box.confirmed).toEqual({ ...none, retried: 1 });
  });

  it("sends those of some milliseconds in one frame, unless the server waits for them", async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const awaited = outbox("answers", false, true);
    const gathered = outbox("answers", false, false);
    for (const { box } of [awaited, gathered]) {
      box.ack(msg());
      await vi.advanceTimersByTimeAsync(1);
      box.ack(msg());
      await vi.advanceTimersByTimeAsync(20);
    }
    expect([awaited.frames, gathered.frames].map(({ length }) => length)).toEqual([2, 1]);
    expect(gathered.sent).toEqual(["+ACK", "+ACK"]);
  });

  it.each(["gone", "silent"] as const)("counts nothing when the leader is %s", async (leader) => {
    const { box } = outbox(leader);
    box.ack(msg());
    box.ack(msg());
    await box.confirm(soon());
    expect(box.confirmed).toEqual(none);
  });

  it("sends acks and terms once more to a new leader, and never a nak, and counts what that one has", async () => {
    const { box, sent } = outbox();
    for (const at of [1, 2]) box.ack(msg(`$JS.ACK.S.C.1.${at}.${at}.1700000000000000000.0`));
    box.nak(msg("$JS.ACK.S.C.1.3.3.1700000000000000000.0"), 5_000, "retried");
    box.term(msg("$JS.ACK.S.C.1.4.4.1700000000000000000.0"), "rejected");
    await box.confirm(soon());
    const counts = { ...none, acked: 2, retried: 1, rejected: 1 };
    expect(box.confirmed).toEqual(counts);
    // Above what it is sure of: the consumer's ack floor, where it has one.
    for (const [above, again] of [
      [0, ["+ACK", "+ACK", "+TERM"]],
      [1, ["+ACK", "+TERM"]],
      [4, []],
      [Number.POSITIVE_INFINITY, []],
    ] as const) {
      sent.length = 0;
      await box.repeat(soon(), above);
      expect(sent).toEqual(again);
    }
    expect(box.confirmed).toEqual(counts);
  });

  it("asks about each one where that is asked for", async () => {
    const { box, asked } = outbox("answers", true);
    box.ack(msg());
    box.ack(msg());
    await box.confirm(soon());
    expect(asked).toEqual(["+ACK", "+ACK"]);
    expect(box.confirmed).toEqual({ ...none, acked: 2 });
  });

  it("does not count what the user was denied to publish", async () => {
    const { box, onFlush } = outbox();
    onFlush(() => box.denied("$JS.ACK.S.C.1.2.2.1.0")); // the server's errors come before its PONG
    box.ack(msg("$JS.ACK.S.C.1.1.1.1.0"));
    box.ack(msg("$JS.ACK.S.C.1.2.2.1.0"));
    box.nak(msg("$JS.ACK.S.C.1.3.3.1.0"), 1, "released");
    await box.confirm(soon());
    expect(box.confirmed).toEqual({ ...none, acked: 1, released: 1 });
  });

  it("asks again for what was settled while the answer was on the way", async () => {
    const { box, onFlush } = outbox();
    let flushes = 0;
    onFlush(() => {
      flushes += 1;
      if (flushes < 3) box.nak(msg(), 500, "released");
    });
    box.ack(msg());
    await box.confirm(soon());
    expect(flushes).toBe(3);
    expect(box.confirmed).toEqual({ ...none, acked: 1, released: 2 });
  });

  it("does not trouble the server when nothing was settled", async () => {
    const { box, frames, onFlush } = outbox();
    let flushes = 0;
    onFlush(() => {
      flushes += 1;
    });
    await box.confirm(soon());
    expect([flushes, frames.length]).toEqual([0, 0]);
  });

  it("lets no more than 4096 settlements wait for one answer", async () => {
    const { box, asked } = outbox();
    for (let sent = 0; sent < 4_096; sent += 1) box.ack(msg());
    expect(asked).toEqual(["+ACK"]);
    box.ack(msg());
    await box.confirm(soon());
    expect(asked).toEqual(["+ACK", "+ACK"]);
    expect(box.confirmed.acked).toBe(4_097);
  });
});
