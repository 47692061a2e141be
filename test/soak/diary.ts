// What was seen during one random life of a consumer, and whether it keeps what every drain promises.
import { expect } from "vitest";
import type { Message, Report } from "../../src/index.ts";
import { Page } from "./page.ts";
import type { Schedule, TimedFault } from "./plan.ts";
import { stalledMs } from "./stalls.ts";

/**
 * What a consumer without replicas remembers across a SIGKILL of its server: acks older than this. It writes its state down
 * every tenth of a second or so, whoever confirmed the ack (PONG or double ack), also with `sync_interval: always`. Measured on
 * 2.9.10 and 2.15.1: everything of the last 50 ms was forgotten, some of 200 ms, nothing of 250 ms; here the lanes share the disk.
 * It is time in which the server runs: one that is frozen, or not let run by a busy machine, writes nothing. How long the
 * latter was is taken from this process.
 */
const REMEMBERED_AFTER_MS = 500;

/** Faults that lose nothing of what is on its way. */
const HARMLESS: readonly TimedFault["what"][] = ["refuse", "restore", "dead-away", "dead-back", "thaw"];

/** What many lives came to, for the figure in the documents. */
export interface Tally {
  schedules: number;
  drains: number;
  kills: number;
  messages: number;
  handled: number;
  deadLettered: number;
  /** Neither, and counted `exhausted` in a report. */
  exhausted: number;
  /** Neither, nor counted: their last delivery was unconfirmed in a report, or never came to a drain. */
  forgiven: number;
  /** Settled and confirmed, and came again after a kill within {@link REMEMBERED_AFTER_MS}. */
  undone: number;
  /** Likewise without a kill, from a nats-server 2.9. */
  repeatedBy29: number;
}

export const tally: Tally = {
  schedules: 0,
  drains: 0,
  kills: 0,
  messages: 0,
  handled: 0,
  deadLettered: 0,
  exhausted: 0,
  forgiven: 0,
  undone: 0,
  repeatedBy29: 0,
};

/** What the server has when nothing is under way any more. */
export interface Aftermath {
  /** The sequence that each dead letter is of, in their order. */
  readonly deadLetters: readonly number[];
  /** Deliveries that the consumer counts. */
  readonly delivered: number;
}

/** What was seen of each message, and what the reports said. */
export class Diary {
  readonly #life: Schedule;
  /**
   * nats-server before 2.10.14 delivers the last message again, acked or not, after a redelivery that met only pull requests
   * whose drains are gone (nats-server #5305): 6 times in 6,900 schedules on 2.9.10, never in 10,000 on 2.15.1.
   */
  readonly #mayRepeat: boolean;
  /** Messages whose handler succeeded, or that were rejected where there is no dead letter. */
  readonly #done = new Set<number>();
  readonly #deliveries = new Map<number, number>();
  /** Messages that a drain whose report left nothing unconfirmed has settled for good: by when, by both clocks. */
  readonly #final = new Map<number, { readonly at: number; readonly serverTime: number }>();
  /** Those that a kill may have undone. */
  readonly #undone = new Set<number>();
  /** Messages that came to a drain which began after that. */
  readonly #again: number[] = [];
  /** What happened to each message, for whoever has to find out why. */
  readonly #histories = new Map<number, string[]>();
  readonly #startedAt = performance.now();
  #pages = 0;
  /** By the server's time. */
  readonly #kills: number[] = [];
  #frozenMs = 0;
  #frozenAt: number | undefined;
  readonly #reports: Report[] = [];
  /** Of each report, the messages that its handlers had at their last delivery. */
  readonly #lastSeen = new Map<Report, ReadonlySet<number>>();
  /** Deliveries that a killed server had made and forgot. */
  #forgotten = 0;

  constructor(life: Schedule, serverVersion: string) {
    this.#life = life;
    this.#mayRepeat = serverVersion.startsWith("2.9.");
  }

  /** One drain's page. */
  page(): Page {
    this.#pages += 1;
    const name = `drain ${this.#pages}`;
    return new Page({
      life: this.#life,
      came: (message, startedAt) => {
        this.#tell(message.sequence, `came to ${name} as delivery ${message.deliveryCount}`);
        this.#came(message, startedAt);
      },
      serverTime: () => this.#serverTime,
      done: (sequence) => {
        this.#tell(sequence, "done");
        this.#done.add(sequence);
      },
      reported: (report, settled, lastSeen) => {
        for (const sequence of settled.keys()) this.#tell(sequence, `${name} ended: ${shortly(report)}`);
        this.#lastSeen.set(report, lastSeen);
        this.#reported(report, settled);
      },
    });
  }

  #tell(sequence: number, what: string): void {
    const history = this.#histories.get(sequence) ?? [];
    history.push(`${Math.round(performance.now() - this.#startedAt)} ms ${what}`);
    this.#histories.set(sequence, history);
  }

  #history(sequence: number): string {
    return `${sequence}: ${this.#histories.get(sequence)?.join(", ") ?? "never seen"}`;
  }

  /** Milliseconds in which the server ran. */
  get #serverTime(): number {
    return (this.#frozenAt ?? performance.now()) - this.#frozenMs;
  }

  /** To be called before it is, and after it is no more. */
  serverFrozen(isFrozen: boolean): void {
    const now = performance.now();
    if (isFrozen) this.#frozenAt ??= now;
    else if (this.#frozenAt !== undefined) {
      this.#frozenMs += now - this.#frozenAt;
      this.#frozenAt = undefined;
    }
  }

  /** What the server confirmed a moment ago may come again. */
  serverKilled(): void {
    this.#kills.push(this.#serverTime);
    for (const [sequence, { at, serverTime }] of this.#final) {
      if (serverTime <= this.#serverTime - REMEMBERED_AFTER_MS - stalledMs(at)) continue;
      this.#final.delete(sequence);
      this.#undone.add(sequence);
    }
  }

  /** Deliveries that the consumer counted before a kill, and does not count after it. */
  deliveriesForgotten(count: number): void {
    this.#forgotten += Math.max(0, count);
  }

  /** Holds what is left on the server against what was seen; throws an assertion's error. */
  check({ deadLetters, delivered }: Aftermath): void {
    const { messages, maxDeliver } = this.#life;
    const again = this.#again.map((sequence) => this.#history(sequence));
    expect(again, "messages that came again after their settlement was confirmed").toEqual([]);
    const most = Math.max(0, ...this.#deliveries.values());
    // A drain sees a message again only when it asked for that: twice for a throw or a retry, and then it succeeds.
    expect(most, "deliveries of one message").toBeLessThanOrEqual(maxDeliver ?? this.#explained);
    const lost = [];
    for (let sequence = 1; sequence <= messages; sequence += 1)
      if (!this.#done.has(sequence) && !deadLetters.includes(sequence)) lost.push(sequence);
    const sum = (count: "exhausted" | "unconfirmed" | "fetched"): number =>
      this.#reports.reduce((total, report) => total + report[count], 0);
    const exhausted = sum("exhausted");
    // A delivery that no drain got was sent into a connection that was cut, or silent: the server counts it all the same.
    const arrivedNowhere = Math.max(0, delivered + this.#forgotten - sum("fetched"));
    const forgiven = sum("unconfirmed") + (this.#hasFaults ? arrivedNowhere : 0);
    const story = `${this.story}; ${arrivedNowhere} deliveries arrived nowhere`;
    const allowed = maxDeliver === undefined ? 0 : exhausted + forgiven;
    expect(
      lost.length,
      `lost: ${lost.map((sequence) => this.#history(sequence)).join("; ")}; ${story}`,
    ).toBeLessThanOrEqual(allowed);
    // A copy ends in another drain than its message.
    if (this.#life.deadLetter !== "copy") {
      for (const [report, lastSeen] of this.#lastSeen) {
        const here = lost.filter((sequence) => lastSeen.has(sequence));
        const told = report.exhausted + report.unconfirmed;
        expect(here.length, `${here} failed at last, untold: ${shortly(report)}`).toBeLessThanOrEqual(told);
      }
    }
    // A PubAck that is late leaves a dead letter that its drain knows nothing of.
    const isSure = !this.#reports.some(({ findings }) =>
      findings.some(({ code }) => code === "dead-letter-failed"),
    );
    if (!this.#hasFaults && isSure)
      expect(deadLetters, "one dead letter of each").toEqual([...new Set(deadLetters)]);
    this.#add(lost.length, Math.min(lost.length, exhausted), deadLetters);
  }

  /** What the reports said. */
  get story(): string {
    return this.#reports.map(shortly).join("; ");
  }

  get #hasFaults(): boolean {
    return this.#life.rounds.some(({ faults }) => faults.some(({ what }) => !HARMLESS.includes(what)));
  }

  get #explained(): number {
    const { maxDeliveries = 0, backoff } = this.#life;
    return backoff ? Number.POSITIVE_INFINITY : this.#reports.length + 2 + maxDeliveries;
  }

  #came({ sequence, deliveryCount }: Message, startedAt: number): void {
    // Kept for check(): an error thrown here would be a handler's, and the drain would only retry the message.
    const isAgain = (this.#final.get(sequence)?.at ?? Number.POSITIVE_INFINITY) < startedAt;
    if (isAgain && this.#mayRepeat) tally.repeatedBy29 += 1;
    else if (isAgain) this.#again.push(sequence);
    if (sequence > this.#life.messages) this.#again.push(sequence);
    if (this.#undone.delete(sequence)) tally.undone += 1;
    this.#deliveries.set(sequence, Math.max(this.#deliveries.get(sequence) ?? 0, deliveryCount));
  }

  #reported(report: Report, settled: ReadonlyMap<number, number>): void {
    this.#reports.push(report);
    if (report.unconfirmed > 0) return;
    const ended = { at: performance.now(), serverTime: this.#serverTime };
    // What used up max deliver never comes again.
    if (this.#kills.length === 0)
      for (const sequence of exhaustedOf(report)) this.#final.set(sequence, ended);
    for (const [sequence, settledAt] of settled) {
      const forgotten = this.#kills.some((at) => at > settledAt && at < settledAt + REMEMBERED_AFTER_MS);
      if (forgotten) this.#undone.add(sequence);
      else this.#final.set(sequence, ended);
    }
  }

  #add(lost: number, exhausted: number, deadLetters: readonly number[]): void {
    tally.schedules += 1;
    tally.drains += this.#reports.length;
    tally.kills += this.#kills.length / 2;
    tally.messages += this.#life.messages;
    tally.handled += this.#done.size;
    tally.deadLettered += [...new Set(deadLetters)].filter((sequence) => !this.#done.has(sequence)).length;
    tally.exhausted += exhausted;
    tally.forgiven += lost - exhausted;
  }
}

/** The sequences that a report names, which are the first of them. */
function exhaustedOf({ stream, findings }: Report): number[] {
  const message = findings.find(({ code }) => code === "deliveries-exhausted")?.message ?? "";
  return Array.from(message.matchAll(new RegExp(`${stream}:(\\d+)`, "g")), ([, sequence]) =>
    Number(sequence),
  );
}

function shortly(report: Report): string {
  const { fetched, acked, retried, rejected, deadLettered, released, exhausted, unconfirmed } = report;
  const counts = [fetched, acked, retried, rejected, deadLettered, released, exhausted, unconfirmed].join(
    "/",
  );
  return `${counts} ${report.reason} ${report.findings.map(({ code }) => code).join(" ")}`;
}
