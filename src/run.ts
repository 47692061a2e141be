// One drain under way: its Fetch, its handlers, its settlements, and what it knows when it ends.
import { assemble, type Parts, type RunParts } from "./assemble.ts";
import { ANY_SUBJECT, classifyPermission } from "./connection/failure.ts";
import { now } from "./deadline.ts";
import { preflightInReport } from "./report/preflight-request.ts";
import type { Ending } from "./report/reasons.ts";
import { makeReport, makeTimings, type Report } from "./report/report.ts";
import { findings, verdict } from "./report/verdict.ts";
import { confirmAll, whyUnconfirmed } from "./settle/confirm.ts";
import { Stop } from "./stop.ts";

export class DrainRun<Env> implements AsyncDisposable {
  readonly #given: RunParts<Env>;
  readonly #parts: Parts;
  readonly #stop: Stop;
  readonly #cleanups: (() => void)[] = [];
  /** When each step was over. */
  readonly #moments: { fetchedMs?: number; handledMs?: number; confirmedMs?: number } = {};
  #poolStopped: Promise<boolean> | undefined;

  constructor(given: RunParts<Env>) {
    const { connection, deadlines, signal } = given;
    this.#given = given;
    this.#stop = new Stop(deadlines.handle, signal, (cut) => this.#end(cut ? "cut" : "finish"));
    this.#parts = assemble({ ...given, stop: this.#stop });
    this.#cleanups.push(
      connection.onDenied((denied) => this.#denied(denied.subject, classifyPermission(denied))),
      this.#parts.alive.stop,
    );
    // Nobody would hear a settlement any more: what has not started must not start.
    void connection.lost.then(() => this.#end("drop"));
  }

  /** Pulls, at the pace of the handlers, which start meanwhile. Resolves when no more comes: to why. */
  async fetch(): Promise<Ending | undefined> {
    const { journal, observer } = this.#given;
    const { puller } = this.#parts;
    const startedAt = now();
    const end = await puller.fetch();
    this.#moments.fetchedMs = now();
    observer?.fetched?.({
      reason: end?.reason ?? "stopped",
      messages: puller.delivered,
      heartbeats: journal.heartbeats,
      durationMs: this.#moments.fetchedMs - startedAt,
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
    this.#moments.handledMs = now();
    return cutShort;
  }

  /** Waits until every settlement is confirmed, or can no longer be: to why, where the consumer knows. */
  async confirm(): Promise<Ending | undefined> {
    const { budget, connection, deadlines, observer } = this.#given;
    const startedAt = now();
    const by = Math.min(deadlines.settle, startedAt + budget.settleMs);
    const gone = await confirmAll(this.#given, this.#parts, by);
    this.#moments.confirmedMs = now();
    const unconfirmed = this.#unconfirmed;
    const durationMs = this.#moments.confirmedMs - startedAt;
    const confirmed = this.#parts.fetched() - unconfirmed;
    observer?.settled?.({ confirmed, unconfirmed, durationMs });
    if (gone || unconfirmed === 0 || connection.ended) return gone?.ending;
    return await whyUnconfirmed(this.#given, this.#parts, by);
  }

  /** What is true now that nothing is under way. */
  report(fetch: Ending | undefined, cutShort: boolean, gone: Ending | undefined): Report {
    const { budget, connection, connectMs, consumer, journal, options, start } = this.#given;
    const { fetched, outbox, puller, streak } = this.#parts;
    const { confirmed } = outbox;
    const { pending, firstMessageAt } = puller;
    const unconfirmed = this.#unconfirmed;
    const moments = {
      connectMs: start.at + connectMs,
      firstMessageMs: firstMessageAt,
      ...this.#moments,
      settlingMs: outbox.firstSentAt,
      settledMs: outbox.lastSentAt,
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
      fetched: fetched(),
      ...confirmed,
      unconfirmed,
      ...(pending === undefined ? {} : { pending }),
      more: (pending ?? 0) > 0 || confirmed.released > 0,
      heartbeats: journal.heartbeats,
      startedAt: start.date.toISOString(),
      timings: makeTimings(start.at, moments, journal.heartbeatsAt),
      findings: [...findings(journal), ...preflightInReport(consumer.facts, options, budget)],
      ...(journal.deadLetters.length > 0 ? { deadLetters: journal.deadLetters } : {}),
    });
  }

  /** Ends what is beside the drain's own connection, which its owner closes. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop[Symbol.dispose]();
    for (const cleanup of this.#cleanups) cleanup();
    await this.#parts.isolated?.close();
  }

  get #unconfirmed(): number {
    const confirmed = Object.values(this.#parts.outbox.confirmed).reduce((total, count) => total + count, 0);
    return this.#parts.fetched() - confirmed;
  }

  /** A settlement, or a dead letter, that the user may not publish, or an answer that it may not hear. */
  #denied(subject: string, end: Ending): void {
    const isFinal = subject.startsWith("$JS.ACK.") || subject === ANY_SUBJECT;
    if (isFinal) this.#parts.outbox.denied(subject);
    else if (subject !== this.#given.options.deadLetter?.subject) return;
    // Nothing can be settled any more, or known to be: what has not started must not start.
    if (isFinal && !this.#given.journal.denied) this.#end("finish");
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
