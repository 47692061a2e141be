// Deliveries of messages that a drain holds already, or has handled.
import { expect, test } from "vitest";
import { InFlight } from "../src/handle/in-flight.ts";
import { DeliveredMessage } from "../src/message/message.ts";
import type { RawMessage } from "../src/message/received.ts";
import { Journal } from "../src/report/journal.ts";
import { ack } from "../src/settle/settlement.ts";

const RETURNED = { kind: "returned", settlement: ack(), failure: false } as const;

const delivery = (sequence: number, count: number): RawMessage => ({
  subject: "S.event",
  reply: `$JS.ACK.S.C.${count}.${sequence}.${sequence}.1732500000000000000.0`,
  data: new Uint8Array(),
});

function inFlight() {
  const acks: string[] = [];
  let looks = 0;
  const parts = new InFlight({
    stream: "S",
    consumer: "C",
    held: () => [],
    journal: new Journal(),
    settle: () => ({ as: "acked" }),
    outbox: {
      ack: ({ reply = "" }) => void acks.push(reply),
      acked: () => {
        looks += 1;
        return [delivery(1, 1).reply ?? ""];
      },
      standsFor: () => {},
    },
    ackWaitEnded: () => {},
  });
  return { parts, acks, looks: () => looks };
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
