// A dead letter carries the message's own headers, none that would act on the new stream, and where it came from.
import { headers, type Msg, type MsgHdrs } from "@nats-io/nats-core";
import { describe, expect, it } from "vitest";
import { DeliveredMessage } from "../src/message/message.ts";
import { deadLetterHeaders } from "../src/settle/dead-letter.ts";

const AT = new Date("2025-11-22T18:20:00.123Z");

function deadLetter(given: MsgHdrs | undefined, reason = "no such customer"): MsgHdrs {
  const reply = "$JS.ACK.ORDERS.billing.3.42.40.1763835600123456789.7";
  const msg = { subject: "orders.eu", reply, data: new Uint8Array(), headers: given } as Msg; // all that is read
  return deadLetterHeaders(new DeliveredMessage(msg), reason, AT);
}

function headersOf(...pairs: readonly (readonly [key: string, value: string])[]): MsgHdrs {
  const made = headers();
  for (const [key, value] of pairs) made.append(key, value);
  return made;
}

describe("the headers of a dead letter", () => {
  it("say where the message came from and why it is dead", () => {
    expect(Object.fromEntries(deadLetter(undefined))).toEqual({
      "Sluice-Subject": ["orders.eu"],
      "Sluice-Stream": ["ORDERS"],
      "Sluice-Sequence": ["42"],
      "Sluice-Consumer": ["billing"],
      "Sluice-Deliveries": ["3"],
      "Sluice-Reason": ["no such customer"],
      "Sluice-Time": ["2025-11-22T18:20:00.123Z"],
    });
  });

  it.each([
    "Nats-Msg-Id",
    "Nats-TTL",
    "Nats-Rollup",
    "Nats-Expected-Stream",
    "Nats-Expected-Last-Subject-Sequence",
    "Nats-Schedule",
    "Nats-Stream-Source",
    "nats-msg-id",
    "NATS-TTL",
  ])("have no %s, which would act on the new stream", (key) => {
    const kept = deadLetter(headersOf([key, "1"], ["Trace", "a"]));
    expect(kept.keys().filter((each) => /^nats-/i.test(each))).toEqual([]);
    expect(kept.get("Trace")).toBe("a");
  });

  it("keep every other one as it was, with all its values", () => {
    const kept = deadLetter(
      headersOf(["Trace", "a"], ["Trace", "b"], ["ce-type", "order"], ["X-Nats-Like", "1"]),
    );
    expect(kept.values("Trace")).toEqual(["a", "b"]);
    expect(kept.get("ce-type")).toBe("order");
    expect(kept.get("X-Nats-Like")).toBe("1");
  });

  it("tell of this death, not of an earlier one", () => {
    const kept = deadLetter(headersOf(["Sluice-Reason", "earlier"], ["Sluice-Stream", "EARLIER"]));
    expect(kept.values("Sluice-Reason")).toEqual(["no such customer"]);
    expect(kept.values("Sluice-Stream")).toEqual(["ORDERS"]);
  });

  it.each([
    ["a\nb", "a b"],
    ["a\r\n\tb", "a b"],
    ["a\r\n\r\nPUB forged 0", "a PUB forged 0"],
    ["a\u2028b", "a b"],
    ["x".repeat(5_000), "x".repeat(1_000)],
    ["", ""],
  ])("give the reason in one line: %j", (reason, line) => {
    expect(deadLetter(undefined, reason).values("Sluice-Reason")).toEqual([line]);
  });

  it("leave the message's own headers alone", () => {
    const own = headersOf(["Nats-Msg-Id", "1"], ["Trace", "a"]);
    deadLetter(own);
    expect(Object.fromEntries(own)).toEqual({ "Nats-Msg-Id": ["1"], Trace: ["a"] });
  });
});
