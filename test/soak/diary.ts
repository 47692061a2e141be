// What was seen during one random life of a consumer, and whether it keeps what every drain promises.
import { expect } from "vitest";
import { type Handler, type Message, type Report, reject, retry } from "../../src/index.ts";
import { stalledMs } from "./stalls.ts";

/** How a handler behaves for a message. */
export type Behaviour = "return" | "resolve" | "slow" | "throw" | "retry" | "reject" | "ignore-signal";

/** What a life is about. */
export interface Life {
  readonly messages: number;
  /** For the message of that sequence, repeated; from its third delivery on the handler just succeeds. */
  readonly behaviours: readonly Behaviour[];
}

/**
 * What a consumer without replicas remembers across a SIGKILL of its server: acks older than this. It writes its state down
 * every tenth of a second or so, whoever confirmed the ack (PONG or double ack), also with `sync_interval: always`. Measured on
 * 2.9.10 and 2.15.1: everything of the last 50 ms was forgotten, some of 200 ms, nothing of 250 ms; here 16 lanes share the disk.
 */
const REMEMBERED_AFTER_MS = 500;

/** What was seen of each message, and what the reports said. */
export class Diary {
  readonly #life: Life;
  readonly #handled = new Map<number, number>();
  readonly #deliveries = new Map<number, number>();
  /** Messages that a drain whose report left nothing unconfirmed has settled for good, and when at the latest. */
  readonly #final = new Map<number, number>();
  /** Messages that came again after that. */
  readonly #again: number[] = [];
  /** Messages that handlers of the running drain have settled, and when. */
  #settledNow = new Map<number, number>();
  /** When the server was killed. */
  readonly #kills: number[] = [];
  #drains = 0;

  constructor(life: Life) {
    this.#life = life;
  }

  readonly handler: Handler = (message, { signal }) => {
    const { sequence, deliveryCount } = message;
    // Kept for check(): an error thrown here would be a handler's, and the drain would only retry the message.
    if (this.#final.has(sequence)) this.#again.push(sequence);
    this.#handled.set(sequence, (this.#handled.get(sequence) ?? 0) + 1);
    this.#deliveries.set(sequence, Math.max(this.#deliveries.get(sequence) ?? 0, deliveryCount));
    return this.#behave(message, signal);
  };

  #behave(message: Message, signal: AbortSignal): ReturnType<Handler> {
    const { behaviours } = this.#life;
    // A handler that was given up settles nothing, whatever it does.
    const settled = (): void => {
      if (!signal.aborted) this.#settledNow.set(message.sequence, performance.now());
    };
    const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
    const behaviour =
      message.deliveryCount >= 3 ? "return" : behaviours[message.sequence % behaviours.length];
    switch (behaviour) {
      case "resolve":
        return wait(2).then(settled);
      case "slow":
        return wait(80).then(settled);
      case "throw":
        throw new Error("as planned");
      case "retry":
        return retry({ delayMs: 150 });
      case "reject":
        settled();
        return reject("as planned");
      case "ignore-signal":
        // Longer than the budget, once: it is given up, and what it does afterwards must not count.
        return wait(signal.aborted ? 0 : 1_700).then(() => undefined);
      default:
        settled();
        return undefined;
    }
  }

  /** Runs a drain and holds its report to the promises of every report. */
  async record(limitMs: number, drain: () => Promise<Report>): Promise<void> {
    this.#drains += 1;
    this.#settledNow = new Map();
    const startedAt = performance.now();
    const report = await drain();
    const tookMs = performance.now() - startedAt;
    const allowedMs = limitMs + stalledMs(startedAt);
    const { fetched, acked, retried, rejected, deadLettered, released, unconfirmed } = report;
    expect(acked + retried + rejected + deadLettered + released + unconfirmed).toBe(fetched);
    expect(report.timings.totalMs, "run() returns before its limit").toBeLessThanOrEqual(allowedMs);
    // The faults are undone within what is measured here.
    expect(tookMs).toBeLessThan(allowedMs + 1_000);
    if (unconfirmed > 0) {
      expect(report.outcome).not.toBe("completed");
      return;
    }
    const endedAt = performance.now();
    for (const [sequence, settledAt] of this.#settledNow) {
      const forgotten = this.#kills.some((at) => at > settledAt && at < settledAt + REMEMBERED_AFTER_MS);
      if (!forgotten) this.#final.set(sequence, endedAt);
    }
    expect(acked + rejected).toBeLessThanOrEqual(this.#life.messages);
  }

  /** What the server confirmed a moment ago may come again. */
  serverKilled(): void {
    const now = performance.now();
    this.#kills.push(now);
    for (const [sequence, settledAt] of this.#final)
      if (settledAt > now - REMEMBERED_AFTER_MS) this.#final.delete(sequence);
  }

  /** Every message was handled, and none was delivered more often than the drains explain. */
  check(): void {
    expect(this.#again, "messages that came again after their settlement was confirmed").toEqual([]);
    for (let sequence = 1; sequence <= this.#life.messages; sequence += 1) {
      expect(this.#handled.get(sequence) ?? 0, `message ${sequence} was handled`).toBeGreaterThanOrEqual(1);
      // A drain sees a message again only when it asked for that: twice for a throw or a retry, and then it succeeds.
      expect(this.#deliveries.get(sequence) ?? 0).toBeLessThanOrEqual(this.#drains + 2);
    }
  }
}
