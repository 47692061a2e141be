// Settlements on their way: what is sent, when, and what counts as confirmed.
import type { Msg } from "@nats-io/nats-core";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nextTurn } from "../src/deadline.ts";
import { Settler } from "../src/settle/outbox.ts";

describe("the settler", () => {
  const text = (payload: unknown): string =>
    payload instanceof Uint8Array ? new TextDecoder().decode(payload) : String(payload);

  /** Messages that write down what was answered to them. */
  function messages(): { readonly sent: string[]; msg(reply?: string): Msg; write(protocol: string): void } {
    const sent: string[] = [];
    const write = (protocol: string): void => {
      for (const [, size, payload = ""] of protocol.matchAll(/PUB \S+ (\d+)\r\n(.*)\r\n/g)) {
        expect(payload).toHaveLength(Number(size));
        sent.push(payload);
      }
    };
    const msg = (reply = "$JS.ACK.S.C.1.1.1.1.0"): Msg => {
      const respond: Msg["respond"] = (payload) => sent.push(text(payload)) > 0;
      return { reply, respond } as Msg; // the part that the settler uses
    };
    return { sent, msg, write };
  }
  const none = { acked: 0, retried: 0, rejected: 0, deadLettered: 0, released: 0 };

  it("says each settlement in the words of the protocol, a delay in nanoseconds", async () => {
    const { sent, msg, write } = messages();
    const settler = new Settler(() => Promise.resolve(true), write);
    settler.ack(msg());
    settler.nak(msg(), 1_500, "retried");
    settler.nak(msg(), 0.25, "released");
    settler.term(msg(), "rejected");
    await settler.confirm();
    settler.inProgress(msg());
    expect(sent).toEqual(["+ACK", '-NAK {"delay":1500000000}', '-NAK {"delay":1000000}', "+TERM", "+WPI"]);
  });

  it("sends what a turn of the event loop settled together, and without waiting for the drain's end", async () => {
    const { sent, msg, write } = messages();
    const settler = new Settler(() => Promise.resolve(true), write);
    settler.ack(msg());
    settler.ack(msg());
    expect(sent).toEqual([]);
    await nextTurn();
    expect(sent).toEqual(["+ACK", "+ACK"]);
  });

  it("never naks without a delay that the server can read, or every delivery would be gone in milliseconds", () => {
    return fc.assert(
      fc.asyncProperty(fc.double(), async (delayMs) => {
        const { sent, msg, write } = messages();
        const settler = new Settler(() => Promise.resolve(true), write);
        settler.nak(msg(), delayMs, "retried");
        await settler.confirm();
        const delay = /^-NAK \{"delay":(\d+)\}$/.exec(sent[0] ?? "")?.[1] ?? "none";
        expect(BigInt(delay)).toBeGreaterThanOrEqual(1_000_000n);
        expect(BigInt(delay)).toBeLessThan(2n ** 63n); // a Go time.Duration
      }),
      { examples: [[Number.NaN], [Number.POSITIVE_INFINITY], [-1], [0]] },
    );
  });

  it("counts what it sent once the server confirmed it, and not before", async () => {
    const { msg, write } = messages();
    const pong = Promise.withResolvers<boolean>();
    const settler = new Settler(() => pong.promise, write);
    settler.ack(msg());
    settler.ack(msg());
    settler.nak(msg(), 1, "retried");
    settler.nak(msg(), 1, "released");
    settler.term(msg(), "rejected");
    settler.term(msg(), "deadLettered");
    settler.inProgress(msg());
    const confirmed = settler.confirm();
    expect(settler.confirmed).toEqual(none);
    pong.resolve(true);
    await confirmed;
    expect(settler.confirmed).toEqual({ acked: 2, retried: 1, rejected: 1, deadLettered: 1, released: 1 });
  });

  it("counts nothing that the server did not confirm", async () => {
    const { msg, write } = messages();
    const settler = new Settler(() => Promise.resolve(false), write);
    settler.ack(msg());
    await settler.confirm();
    expect(settler.confirmed).toEqual(none);
  });

  it("does not count what the user was denied to publish", async () => {
    const { msg, write } = messages();
    const settler = new Settler(async () => {
      settler.denied("$JS.ACK.S.C.1.2.2.1.0"); // the server's errors come before its PONG
      return true;
    }, write);
    settler.ack(msg("$JS.ACK.S.C.1.1.1.1.0"));
    settler.ack(msg("$JS.ACK.S.C.1.2.2.1.0"));
    settler.nak(msg("$JS.ACK.S.C.1.3.3.1.0"), 1, "released");
    await settler.confirm();
    expect(settler.confirmed).toEqual({ ...none, acked: 1, released: 1 });
  });

  it("asks the server again for what was settled while its answer was on the way", async () => {
    const { msg, write } = messages();
    let flushes = 0;
    const settler = new Settler(async () => {
      flushes += 1;
      if (flushes < 3) settler.nak(msg(), 500, "released");
      return true;
    }, write);
    settler.ack(msg());
    await settler.confirm();
    expect(flushes).toBe(3);
    expect(settler.confirmed).toEqual({ ...none, acked: 1, released: 2 });
  });

  it("asks again also for what went out by itself before that answer came", async () => {
    const { msg, write } = messages();
    let flushes = 0;
    const settler = new Settler(async () => {
      flushes += 1;
      if (flushes === 1) settler.nak(msg(), 500, "released");
      await nextTurn();
      await nextTurn();
      return true;
    }, write);
    settler.ack(msg());
    await settler.confirm();
    expect(flushes).toBe(2);
    expect(settler.confirmed).toEqual({ ...none, acked: 1, released: 1 });
  });

  it("does not trouble the server when nothing was settled", async () => {
    let flushes = 0;
    await new Settler(async () => {
      flushes += 1;
      return true;
    }, messages().write).confirm();
    expect(flushes).toBe(0);
  });

  it("lets no more than 4096 settlements wait for one answer, and keeps those that were confirmed", async () => {
    const { msg, write } = messages();
    const answers = [true, false];
    let flushes = 0;
    const settler = new Settler(async () => answers[flushes++] ?? true, write);
    for (let sent = 0; sent < 4_096; sent += 1) {
      expect(flushes).toBe(0);
      settler.ack(msg());
    }
    expect(flushes).toBe(1);
    settler.ack(msg());
    await settler.confirm();
    expect(flushes).toBe(2);
    expect(settler.confirmed.acked).toBe(4_096);
  });
});
