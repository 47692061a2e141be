// Which reply subjects are ack subjects of a consumer: the ones that nats-server makes for it, and no others.
import { describe, expect, it } from "vitest";
import { isAckSubjectOf, parseAckSubject } from "../src/message/ack-subject.ts";

const TIME = "1763835600123999999";
const NUMBERS = `3.42.40.${TIME}.7`;
const isOurs = (subject: string): boolean => isAckSubjectOf(subject, "ORDERS", "billing");

describe("an ack subject of the consumer", () => {
  it.each([
    `$JS.ACK.ORDERS.billing.${NUMBERS}`,
    `$JS.ACK._.hAsH.ORDERS.billing.${NUMBERS}`,
    `$JS.ACK.edge.hAsH.ORDERS.billing.${NUMBERS}`,
    `$JS.ACK.edge.hAsH.ORDERS.billing.${NUMBERS}.rAnDoM`,
    `$JS.ACK._.hAsH.ORDERS.billing.${NUMBERS}.a.b.c`,
    `$JS.ACK.ORDERS.billing.ORDERS.billing.${NUMBERS}`,
  ])("is %s", (subject) => {
    expect(isOurs(subject)).toBe(true);
  });

  it.each([
    "",
    "_INBOX.abc.1",
    "$JS.ACK.",
    "$JS.ACK.ORDERS.billing",
    "$JS.ACK.ORDERS.billing.",
    `$JS.ACK.OTHERS.billing.${NUMBERS}`,
    `$JS.ACK.ORDERS.other.${NUMBERS}`,
    `$JS.ACK.ORDERSX.billing.${NUMBERS}`,
    `$JS.ACK.ORDERS.billingx.${NUMBERS}`,
    `$JS.ACK.ORDERS.billing.${NUMBERS}.8`,
    `$JS.ACK.ORDERS.billing.${NUMBERS}.8.9`,
    `$JS.ACK.edge.ORDERS.billing.${NUMBERS}`,
    `$JS.ACK..hAsH.ORDERS.billing.${NUMBERS}`,
    `$JS.ACK._..ORDERS.billing.${NUMBERS}`,
    `$JS.API.ORDERS.billing.${NUMBERS}`,
    `x$JS.ACK.ORDERS.billing.${NUMBERS}`,
    `$JS.ACK.ORDERS.billing.0.42.40.${TIME}.7`,
    `$JS.ACK.ORDERS.billing.3.0.40.${TIME}.7`,
    `$JS.ACK.ORDERS.billing.3.42.0.${TIME}.7`,
    `$JS.ACK.ORDERS.billing.-3.42.40.${TIME}.7`,
    `$JS.ACK.ORDERS.billing.3.42.40.-${TIME}.7`,
    `$JS.ACK.ORDERS.billing.3.42.40.${TIME}.-7`,
    `$JS.ACK.ORDERS.billing.3.4e2.40.${TIME}.7`,
    `$JS.ACK.ORDERS.billing.3. 42.40.${TIME}.7`,
    `$JS.ACK.ORDERS.billing.3..40.${TIME}.7`,
    `$JS.ACK.ORDERS.billing.3.9007199254740993.40.${TIME}.7`,
    `$JS.ACK.ORDERS.billing.3.42.40.${TIME}.`,
    `$JS.ACK.ORDERS.billing.3.42.40..7`,
    `$JS.ACK.ORDERS.billing.3.42.40.123456.7`,
    `$JS.ACK.ORDERS.billing.3.42.40.${TIME}999.7`,
  ])("is not %j", (subject) => {
    expect(isOurs(subject)).toBe(false);
  });

  it("has its time to the millisecond, never rounded up, and to the nanosecond as text", () => {
    expect(parseAckSubject(`$JS.ACK.ORDERS.billing.${NUMBERS}`)).toMatchObject({
      timestampMs: 1_763_835_600_123,
      timestampNanos: TIME,
    });
  });

  it("has nothing pending where the server has counted below zero", () => {
    const subject = `$JS.ACK.ORDERS.billing.3.42.40.${TIME}.18446744073709551615`;
    expect(isOurs(subject)).toBe(true);
    expect(parseAckSubject(subject).pending).toBe(0);
  });
});
