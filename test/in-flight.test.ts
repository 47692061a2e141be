// Deliveries of messages that a drain holds already, or has handled.
import { expect, test } from "vitest";
import { payload } from "../src/connection/protocol.ts";
import { InFlight } from "../src/handle/in-flight.ts";
import { DeliveredMessage } from "../src/message/message.ts";
import type { RawMessage } from "../src/message/received.ts";
import { Journal } from "../src/report/journal.ts";
import { ack } from "../src/settle/settlement.ts";
import type { Settled } from "../src/settle/settler.ts";

const RETURNED = { kind: "returned", settlement: ack(), failure: false } as const;

const delivery = (sequence: number, count: number): RawMessage => ({
  subject: "S.event",
  reply: `$JS.ACK.S.C.${count}.${sequence}.${sequence}.1732500000000000000.0`,
  data: new Uint8Array(),
});

function inFlight(
  held: readonly RawMessage[] = [],
  settled: () => Settled | Promise<Settled> = () => ({ as: "acked", isFinal: true }),
) {
  const acks: string[] = [];
  const terms: string[] = [];
  const sums: [string, number][] = [];
  let looks = 0;
  const parts = new InFlight({
    stream: "S",
    consumer: "C",
    held: () => held,
    journal: new Journal(),
    settle: settled,
    outbox: {
      finish: ({ reply = "" }, as) => void (as === "acked" ? acks : terms).push(reply),
      finished: () => {
        looks += 1;
        return [{ subject: delivery(1, 1).reply ?? "", payload: payload("+ACK"), as: "acked" }];
      },
      standsFor: (subject, deliveries) => void sums.push([subject, deliveries]),
    },
    ackWaitEnded: () => {},
  });
  return { parts, acks, terms, sums, looks: () => looks };
}

test("InFlight looks through the outbox once, however many deliveries are not the first of their message", () => {
  const { parts, acks, looks } = inFlight();
  for (let sequence = 2; sequence < 1_000; sequence += 1) {
    const msg = delivery(sequence, 2);
    expect(parts.take(msg)).toBe(true);
    parts.settle(msg, new DeliveredMessage(msg), RETURNED);
  }
  expect([acks, looks()]).toEqual([[], 1]);
});

test("InFlight acks a message again that was acked before, whether before the first redelivery or after it", () => {
  const { parts, acks } = inFlight();
  const msg = delivery(2, 2);
  expect(parts.take(msg)).toBe(true);
  parts.settle(msg, new DeliveredMessage(msg), RETURNED);
  expect([parts.take(delivery(1, 2)), parts.take(delivery(2, 3)), parts.take(delivery(3, 2))]).toEqual([
    false,
    false,
    true,
  ]);
  expect(acks).toEqual([delivery(1, 2).reply, delivery(2, 3).reply]);
});

test.each<Settled>([
  { as: "rejected", isFinal: true },
  { as: "deadLettered", isFinal: true },
])("InFlight terms a message again that was termed before ($as)", (settled) => {
  const { parts, terms } = inFlight([], () => settled);
  const msg = delivery(2, 2);
  expect(parts.take(msg)).toBe(true);
  parts.settle(msg, new DeliveredMessage(msg), RETURNED);
  expect([parts.take(delivery(2, 3)), parts.repeated, terms]).toEqual([false, 1, [delivery(2, 3).reply]]);
});

test("InFlight takes a message again that was given back, or has to stay in its stream", () => {
  const ends: Settled[] = [{ as: "retried", againInMs: 5 }, { as: "deadLettered" }];
  const { parts, terms } = inFlight([], () => ends.shift() ?? { as: "acked", isFinal: true });
  for (const msg of [delivery(2, 2), delivery(3, 2)]) {
    expect(parts.take(msg)).toBe(true);
    parts.settle(msg, new DeliveredMessage(msg), RETURNED);
  }
  expect([parts.take(delivery(2, 3)), parts.take(delivery(3, 3)), terms]).toEqual([true, true, []]);
});

test("InFlight takes a message again whose settlement was under way at the first redelivery of another", async () => {
  const [one, done] = [delivery(2, 1), Promise.withResolvers<Settled>()];
  const { parts, acks, sums } = inFlight([one], () => done.promise);
  expect(parts.take(one)).toBe(true);
  const settled = parts.settle(one, new DeliveredMessage(one), RETURNED);
  expect(parts.take(delivery(3, 2))).toBe(true);
  // It is settled by the delivery that it was settled for.
  expect(parts.take(delivery(2, 2))).toBe(false);
  expect(sums).toEqual([[one.reply, 2]]);
  done.resolve({ as: "retried", againInMs: 20 });
  await settled;
  expect([parts.take(delivery(2, 3)), acks]).toEqual([true, []]);
});

test("InFlight acks a message again whose ack was under way at the first redelivery of another", async () => {
  const [one, done] = [delivery(2, 1), Promise.withResolvers<Settled>()];
  const { parts, acks } = inFlight([one], () => done.promise);
  expect(parts.take(one)).toBe(true);
  const settled = parts.settle(one, new DeliveredMessage(one), RETURNED);
  expect(parts.take(delivery(3, 2))).toBe(true);
  done.resolve({ as: "acked", isFinal: true });
  await settled;
  expect([parts.take(delivery(2, 2)), acks]).toEqual([false, [delivery(2, 2).reply]]);
});

test("InFlight remembers the latest acks, and no more of them the longer it runs", () => {
  const { parts, acks } = inFlight();
  const handle = (msg: RawMessage): void => {
    expect(parts.take(msg)).toBe(true);
    parts.settle(msg, new DeliveredMessage(msg), RETURNED);
  };
  handle(delivery(1_000_000, 2));
  for (let sequence = 2; sequence < 10_000; sequence += 1) handle(delivery(sequence, 1));
  expect([parts.take(delivery(9_999, 2)), parts.take(delivery(7_000, 2))]).toEqual([false, false]);
  expect(acks).toHaveLength(2);
  // Its ack came long ago: where it comes all the same, it did not arrive.
  expect(parts.take(delivery(2, 2))).toBe(true);
});
