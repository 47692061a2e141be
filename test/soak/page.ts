// One drain's page of the diary: what its handlers saw and did, and its report held to the promises of every report.
import { expect } from "vitest";
import {
  type BatchHandler,
  type Handler,
  type Message,
  type Report,
  reject,
  retry,
  type Settlement,
} from "../../src/index.ts";
import { isBounded, type Schedule } from "./plan.ts";
import { stalledMs } from "./stalls.ts";

interface PageParts {
  readonly life: Schedule;
  readonly came: (message: Message, startedAt: number) => void;
  /** Milliseconds in which the server ran. */
  readonly serverTime: () => number;
  readonly done: (sequence: number) => void;
  readonly reported: (
    report: Report,
    settled: ReadonlyMap<number, number>,
    lastSeen: ReadonlySet<number>,
  ) => void;
}

/** What one drain saw. */
export class Page {
  readonly #parts: PageParts;
  readonly #startedAt = performance.now();
  /** Messages that its handlers have settled for good, and when, by the server's time. */
  readonly #settled = new Map<number, number>();
  readonly #rejected = new Map<number, number>();
  readonly #lastSeen = new Set<number>();

  constructor(parts: PageParts) {
    this.#parts = parts;
  }

  readonly handler: Handler = (message, { signal }) => {
    this.#parts.came(message, this.#startedAt);
    // A handler that was given up settles nothing, whatever it does.
    return this.#behave(message, signal, (end) => signal.aborted || this.#settle(end, message));
  };

  readonly batchHandler: BatchHandler = async (messages, { signal }) => {
    for (const message of messages) this.#parts.came(message, this.#startedAt);
    const ends = new Map<Message, "done" | "rejected">();
    const handle = async (message: Message): Promise<Settlement | undefined> => {
      try {
        const end = await this.#behave(message, signal, (how) => ends.set(message, how));
        return end as Settlement | undefined; // no Response is among them
      } catch {
        return retry();
      }
    };
    const settlements = await Promise.all(messages.map(handle));
    // One that was given up settles none of them.
    if (!signal.aborted) for (const [message, end] of ends) this.#settle(end, message);
    return settlements;
  };

  #settle(end: "done" | "rejected", { sequence }: Message): void {
    const isDone = end === "done" || this.#parts.life.deadLetter === "none";
    if (isDone) this.#parts.done(sequence);
    (isDone ? this.#settled : this.#rejected).set(sequence, this.#parts.serverTime());
  }

  #behave(
    message: Message,
    signal: AbortSignal,
    end: (how: "done" | "rejected") => unknown,
  ): ReturnType<Handler> {
    const { life } = this.#parts;
    const { behaviours } = life;
    const { sequence, deliveryCount } = message;
    if (deliveryCount === life.maxDeliver) this.#lastSeen.add(sequence);
    const succeed = (): void => void end("done");
    const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
    const planned = behaviours[sequence % behaviours.length];
    const fails = planned === "fail" && isBounded(life);
    switch (fails ? "fail" : deliveryCount >= 3 ? "return" : planned) {
      case "resolve":
        return wait(2).then(succeed);
      case "slow":
        return wait(80).then(succeed);
      case "fail":
      case "throw":
        throw new Error("as planned");
      case "retry":
        return retry({ delayMs: 150 });
      case "reject":
        end("rejected");
        return reject("as planned");
      case "ignore-signal":
        // Longer than the budget, once: it is given up, and what it does afterwards must not count.
        return wait(signal.aborted ? 0 : 1_700).then(succeed);
      default:
        succeed();
        return undefined;
    }
  }

  /** Runs the drain. */
  async record(limitMs: number, drain: () => Promise<Report>): Promise<void> {
    const startedAt = performance.now();
    const report = await drain();
    const tookMs = performance.now() - startedAt;
    const allowedMs = limitMs + stalledMs(startedAt);
    const { fetched, acked, retried, rejected, deadLettered, released, exhausted, unconfirmed } = report;
    const sum = acked + retried + rejected + deadLettered + released + exhausted + unconfirmed;
    expect(sum, "the counts add up to what was fetched").toBe(fetched);
    expect(report.timings.totalMs, "run() returns before its limit").toBeLessThanOrEqual(allowedMs);
    // The faults are undone within what is measured here.
    expect(tookMs).toBeLessThan(allowedMs + 1_000);
    if (unconfirmed > 0) expect(report.outcome).not.toBe("completed");
    // With a backoff of 0.3 s a busy machine may be late for an in-progress: the message is there twice then.
    const { messages, backoff } = this.#parts.life;
    if (!backoff) expect(acked + rejected).toBeLessThanOrEqual(messages);
    // Where every dead letter was published, every rejected message is settled for good.
    const failed = report.findings.some(({ code }) => code === "dead-letter-failed");
    const settled = failed ? this.#settled : new Map([...this.#rejected, ...this.#settled]);
    this.#parts.reported(report, settled, this.#lastSeen);
  }
}
