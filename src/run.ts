// One drain under way: its Fetch, its handlers, its settlements, and what it knows when it ends.
import type { Msg } from "@nats-io/nats-core";
import { assemble, type Parts, type RunParts } from "./assemble.ts";
import { classifyPermission } from "./connection/failure.ts";
import { now } from "./deadline.ts";
import { preflightInReport } from "./report/preflight-request.ts";
import type { Ending } from "./report/reasons.ts";
import { makeReport, makeTimings, type Report } from "./report/report.ts";
import { findings, verdict } from "./report/verdict.ts";
import { keepAlive } from "./settle/keep-alive.ts";
import { Stop } from "./stop.ts";

export class DrainRun<Env> implements AsyncDisposable {
  readonly #given: RunParts<Env>;
  readonly #parts: Parts;
  readonly #stop: Stop;
  readonly #cleanups: (() => void)[] = [];
  #poolStopped: Promise<boolean> | undefined;
  #fetchedAt: number | undefined;
  #handledAt: number | undefined;
  #confirmedAt: number | undefined;

  constructor(given: RunParts<Env>) {
    const { connection, deadlines, signal } = given;
    this.#given = given;
    this.#stop = new Stop(deadlines.handle, signal, (cut) => this.#end(cut ? "cut" : "finish"));
    this.#parts = assemble({ ...given, stop: this.#stop });
    this.#cleanups.push(
      connection.onDenied((denied) => this.#denied(denied.subject, classifyPermission(denied))),
      keepAlive(given.consumer, { held: () => this.#held() }, this.#parts.outbox, given.journal),
    );
    // Nobody would hear a settlement any more: what has not started must not start.
    void connection.lost.then(() => this.#end("drop"));
  }

  /**
   * Pulls, at the pace of the handlers, which start meanwhile. Resolves when no more comes: to how
   * the Fetch ended.
   */
  async fetch(): Promise<Ending | undefined> {
    const { journal, observer } = this.#given;
    const { puller } = this.#parts;
    const startedAt = now();
    const end = await puller.fetch();
    this.#fetchedAt = now();
    observer?.fetched?.({
      reason: end?.reason ?? "stopped",
      messages: puller.delivered,
      heartbeats: journal.heartbeats,
      durationMs: this.#fetchedAt - startedAt,
    });
    return end;
  }

  /** Resolves when nothing is waited for any more: the time is up, or the caller aborted. */
  get stopped(): Promise<void> {
    return this.#stop.cut;
  }

  /** Waits for the handlers, until their deadline; then gives up what is left of them. To whether it did. */
  async handle(): Promise<boolean> {
    const { pool } = this.#parts;
    await Promise.race([pool.idle(), this.stopped]);
    const cutShort = await (this.#poolStopped ?? pool.stop("cut"));
    this.#handledAt = now();
    return cutShort;
  }

  /**
   * Resolves when every settlement is confirmed or can no longer be: to why it cannot, where the
   * consumer knows.
   */
  async confirm(): Promise<Ending | undefined> {
    const { budget, connection, connectMs, consumer, deadlines, observer } = this.#given;
    const { outbox, pool } = this.#parts;
    const startedAt = now();
    const copiedBy = Math.min(deadlines.handle + (budget.settleMs * 5) / 8, startedAt + budget.settleMs);
    await this.#parts.reserve.copyAll(copiedBy);
    // Nothing is handled any more, so an answer has no reason to be late: what the slice allows,
    // and no longer.
    const by = Math.min(deadlines.settle, startedAt + budget.settleMs);
    const ask = () => consumer.whyGone(connection, Math.min(by, now() + Math.max(250, 3 * connectMs)));
    const confirming = outbox.confirm(by);
    // In the same flight: a consumer made anew may answer what was meant for the one before it.
    const asking = consumer.facts && pool.fetched > 0 ? ask() : undefined;
    if (asking) await Promise.race([confirming, asking.then((gone) => (gone ? undefined : confirming))]);
    else await confirming;
    const asked = await asking;
    if (asked?.isAnother) outbox.disown();
    this.#confirmedAt = now();
    const unconfirmed = this.#unconfirmed;
    const confirmed = pool.fetched - unconfirmed;
    observer?.settled?.({ confirmed, unconfirmed, durationMs: this.#confirmedAt - startedAt });
    if (unconfirmed === 0 || connection.ended) return undefined;
    return (asked ?? (await ask()))?.ending;
  }

  /** What is true now that nothing is under way. */
  report(fetch: Ending | undefined, cutShort: boolean, gone: Ending | undefined): Report {
    const { budget, connection, connectMs, consumer, journal, options, start } = this.#given;
    const { outbox, pool, puller, streak } = this.#parts;
    const { confirmed } = outbox;
    const { pending, firstMessageAt } = puller;
    const unconfirmed = this.#unconfirmed;
    const { deadLetters, heartbeats } = journal;
    const moments = {
      connectMs: start.at + connectMs,
      firstMessageMs: firstMessageAt,
      fetchedMs: this.#fetchedAt,
      handledMs: this.#handledAt,
      settlingMs: outbox.firstSentAt,
      settledMs: outbox.lastSentAt,
      confirmedMs: this.#confirmedAt,
      totalMs: now(),
    };
    const end = verdict({
      fetch,
      denied: journal.denied,
      stopped: this.#stop.why,
      retryAfterMs: streak.longestWaitMs,
      unconfirmed,
      gone,
      lost: connection.ended,
      cutShort,
    });
    return makeReport(end, {
      stream: options.stream,
      consumer: options.consumer,
      fetched: pool.fetched,
      ...confirmed,
      unconfirmed,
      ...(pending === undefined ? {} : { pending }),
      more: (pending ?? 0) > 0 || confirmed.released > 0,
      heartbeats,
      startedAt: start.date.toISOString(),
      timings: makeTimings(start.at, moments, journal.heartbeatsAt),
      findings: [...findings(journal), ...preflightInReport(consumer.facts, options, budget)],
      ...(deadLetters.length > 0 ? { deadLetters } : {}),
    });
  }

  /** Ends what is beside the drain's own connection, which its owner closes. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop[Symbol.dispose]();
    for (const cleanup of this.#cleanups) cleanup();
    await this.#parts.isolated?.close();
  }

  #held(): Msg[] {
    return [...this.#parts.pool.held(), ...this.#parts.reserve.held()];
  }

  get #unconfirmed(): number {
    const confirmed = Object.values(this.#parts.outbox.confirmed).reduce((total, count) => total + count, 0);
    return this.#parts.pool.fetched - confirmed;
  }

  /** A settlement, or a dead letter, that the user may not publish. */
  #denied(subject: string, end: Ending): void {
    if (subject.startsWith("$JS.ACK.")) this.#parts.outbox.denied(subject);
    else if (subject !== this.#given.options.deadLetter?.subject) return;
    this.#given.journal.deny(end);
  }

  #end(how: "cut" | "finish" | "drop"): void {
    // Of a connection that has ended the Fetch hears by itself, and can say why.
    if (how !== "drop") this.#parts.puller.stop();
    const cutBefore = this.#poolStopped;
    const stopped = this.#parts.pool.stop(how);
    this.#poolStopped = Promise.all([cutBefore, stopped]).then(([before, now]) => before === true || now);
  }
}
