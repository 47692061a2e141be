// One drain under way: its Fetches, its handlers, its settlements, and what it knows when it ends.
import type { Status } from "@nats-io/nats-core";
import { BatchPool } from "./batch.ts";
import type { Budget } from "./budget.ts";
import { classifyConnectionLoss, classifyPermission, type FetchEnd } from "./classify.ts";
import { type Deadline, timer, waitUntil } from "./clock.ts";
import type { Connection } from "./connection.ts";
import { askConsumer, type ConsumerAnswer } from "./consumer.ts";
import { deniedSubject, type Fetch, startFetch } from "./fetch.ts";
import { Finisher } from "./finish.ts";
import { type HandlerContext, HandlerPool, type Pool, type PoolParts } from "./handle.ts";
import { keepAlive, keepAliveIntervalMs } from "./keep-alive.ts";
import { LazyConnection } from "./lazy-connection.ts";
import { parseAckSubject } from "./message.ts";
import { type AnyOptions, DEFAULTS } from "./options.ts";
import { nextBatch } from "./pace.ts";
import { type Publish, Publisher } from "./publish.ts";
import { LeaderReceipts } from "./receipts.ts";
import { type Ending, ending, makeReport, type Report } from "./report.ts";
import { type Confirmation, Settler } from "./settle.ts";
import { valueReader } from "./value.ts";
import { findings, verdict } from "./verdict.ts";

/** When each part of the drain has to be over, in milliseconds since the epoch. */
export interface Deadlines {
  readonly connect: Deadline;
  readonly handle: Deadline;
  readonly settle: Deadline;
}

export interface RunParts<Env> {
  readonly connection: Connection;
  readonly options: AnyOptions<Env>;
  readonly budget: Budget;
  readonly deadlines: Deadlines;
  readonly env: Env;
  readonly startedAt: number;
  readonly signal: AbortSignal;
}

/** Why the drain stopped handling before it was done. */
type Stopped = "deadline" | "aborted";

export class DrainRun<Env> {
  readonly #parts: RunParts<Env>;
  readonly #settler: Settler;
  readonly #finisher: Finisher;
  readonly #pool: Pool;
  readonly #isolated: LazyConnection | undefined;
  readonly #receipts: LeaderReceipts | undefined;
  /** Its signal is what handlers see. */
  readonly #stopping = new AbortController();
  readonly #connectMs: number;
  readonly #cleanups: (() => void)[] = [];
  /** When a PONG is given up. */
  #confirmBy: Deadline;
  #stopped: Stopped | undefined;
  #closed = false;
  #fetch: Fetch | undefined;
  #fetchEnd: FetchEnd = { kind: "stopped" };
  #heartbeats = 0;
  #poolStopped: Promise<boolean> | undefined;
  #cutShort = false;
  #consumerAnswer: Promise<ConsumerAnswer> = Promise.resolve({ kind: "unknown" });
  #denied: Ending | undefined;
  #lost: Ending | undefined;
  #firstMessageMs: number | undefined;
  #lastReply: string | undefined;
  #pinId: string | undefined;

  constructor(parts: RunParts<Env>) {
    const { connection, options, deadlines, budget, env } = parts;
    this.#parts = parts;
    this.#connectMs = Date.now() - parts.startedAt;
    this.#confirmBy = deadlines.settle;
    if (options.confirm === "leader") this.#receipts = new LeaderReceipts(connection.nats, options.inboxPrefix);
    if (options.isolatePublisher) {
      const request = { ...options, name: `${options.name ?? DEFAULTS.name}-publisher` };
      this.#isolated = new LazyConnection(request, deadlines.handle, (status) => this.#noteDenied(status));
    }
    const publisher = new Publisher(async () => (await this.#isolated?.get()) ?? connection, options.domain);
    this.#settler = new Settler(this.#confirmation());
    this.#finisher = new Finisher(publisher, this.#settler, options, deadlines.handle + budget.settleMs / 2);
    const publish: Publish = (subject, data, settings = {}) =>
      publisher.publish(subject, data, settings, deadlines.handle);
    this.#pool = this.#makePool({ env, signal: this.#stopping.signal, deadline: deadlines.handle, publish });
    this.#watch();
  }

  /** Pulls, once or as often as `fetches` allows; handlers start meanwhile. Resolves when the last Fetch has ended. */
  async fetch(): Promise<void> {
    const { fetches = DEFAULTS.fetches } = this.#parts.options;
    for (let made = 0; made < fetches && !this.#stopped; made += 1) {
      // The next batch only when this one is handled: what waits in a queue here, another drain could have had.
      if (made > 0) await this.#idleOrStopped();
      const batch = this.#nextBatch();
      if (batch === 0 || this.#stopped) return;
      const fetch = this.#startFetch(batch);
      if (made === 0) this.#askConsumer(fetch);
      this.#fetchEnd = await this.#explain(fetch, await fetch.ended);
      this.#heartbeats += fetch.heartbeats;
      this.#pool.endFetch();
      if (this.#fetchEnd.kind !== "batch-full" || this.#pending === 0) return;
    }
  }

  /** Waits for the handlers, until their deadline; then gives up what is left of them. */
  async handle(): Promise<void> {
    await this.#idleOrStopped();
    this.#cutShort = await (this.#poolStopped ?? this.#pool.stop());
  }

  /** Waits for the server's word on every settlement. */
  async confirm(): Promise<void> {
    // Nothing is handled any more, so the PONG has no reason to be late: what the slice allows, and no longer.
    const { deadlines, budget } = this.#parts;
    this.#confirmBy = Math.min(deadlines.settle, Date.now() + budget.settleMs);
    await this.#settler.confirm();
  }

  /** Ends what is beside the drain's own connection, which its owner closes. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const cleanup of this.#cleanups) cleanup();
    await this.#isolated?.close();
  }

  report(): Report {
    const { stream, consumer } = this.#parts.options;
    const { startedAt } = this.#parts;
    const confirmed = this.#settler.confirmed;
    const sum = Object.values(confirmed).reduce((total, count) => total + count, 0);
    const fetched = this.#pool.fetched;
    const pending = this.#pending;
    const end = verdict({
      ...{ fetchEnd: this.#fetchEnd, denied: this.#denied, stopped: this.#stopped, lost: this.#lost },
      ...{ fetched, unconfirmed: fetched - sum, cutShort: this.#cutShort, consumer: this.#finisher.consumer },
    });
    return makeReport(end, {
      stream,
      consumer,
      fetched,
      ...confirmed,
      unconfirmed: fetched - sum,
      ...(pending === undefined ? {} : { pending }),
      more: (pending ?? 0) > 0 || confirmed.released > 0,
      heartbeats: this.#heartbeats,
      startedAt: new Date(startedAt).toISOString(),
      timings: {
        connectMs: this.#connectMs,
        ...(this.#firstMessageMs === undefined ? {} : { firstMessageMs: this.#firstMessageMs }),
        totalMs: Date.now() - startedAt,
      },
      findings: findings(this.#finisher.failures),
    });
  }

  #confirmation(): Confirmation {
    const { connection } = this.#parts;
    const flush = (): Promise<boolean> => connection.flush(this.#confirmBy);
    const receipts = this.#receipts;
    return receipts ? { flush, leader: { receipts, all: () => receipts.all(this.#confirmBy) } } : { flush };
  }

  #makePool(context: HandlerContext<Env>): Pool {
    const { options } = this.#parts;
    const parts: PoolParts<Env> = {
      context,
      handlerTimeoutMs: options.handlerTimeoutMs,
      readValue: valueReader(options),
      settle: (msg, message, handled) => this.#finisher.finish(msg, message, handled),
      release: (msg) => this.#finisher.release(msg),
    };
    if (options.batchHandler) return new BatchPool({ ...parts, batchHandler: options.batchHandler });
    const { handler, concurrency = DEFAULTS.concurrency, orderBy } = options;
    return new HandlerPool({ ...parts, handler, concurrency, orderBy });
  }

  #nextBatch(): number {
    const { options, deadlines, startedAt } = this.#parts;
    const { batch = DEFAULTS.batch } = options;
    const now = Date.now();
    const elapsedMs = this.#firstMessageMs === undefined ? 0 : now - startedAt - this.#firstMessageMs;
    return nextBatch({ batch, handled: this.#pool.fetched, elapsedMs, leftMs: deadlines.handle - now });
  }

  #startFetch(batch: number): Fetch {
    const { connection, options, budget, deadlines } = this.#parts;
    const { fill = DEFAULTS.fill, stream, consumer, domain, inboxPrefix, maxBytes, priorityGroup } = options;
    const maxWaitMs = Math.max(0, Math.min(budget.maxWaitMs, deadlines.handle - Date.now()));
    const request = {
      ...{ stream, consumer, domain, inboxPrefix, batch, maxBytes, fill, priorityGroup, maxWaitMs, pinId: this.#pinId },
      // The plan's, unless too little time is left for it.
      heartbeatMs: budget.heartbeatMs * 3 <= maxWaitMs ? budget.heartbeatMs : 0,
      // Connecting took at least two round trips.
      firstAnswerMs: this.#connectMs,
      deadline: deadlines.handle,
    };
    this.#fetch = startFetch(connection, request, (msg) => {
      this.#firstMessageMs ??= Date.now() - this.#parts.startedAt;
      this.#lastReply = msg.reply;
      // Under the policy `pinned_client` the next pull has to name the pin that this delivery came with.
      if (priorityGroup) this.#pinId = msg.headers?.get("Nats-Pin-Id") || this.#pinId;
      this.#pool.push(msg);
    });
    return this.#fetch;
  }

  /** Two answers can mean several things, and consumer info, which is on its way or here, knows which. */
  async #explain(fetch: Fetch, end: FetchEnd): Promise<FetchEnd> {
    if (end.kind !== "failed") return end;
    // No responders: the consumer, the stream or all of JetStream is missing.
    if (end.ending.reason === "jetstream-unavailable") {
      const answer = await waitUntil(this.#consumerAnswer, Date.now() + Math.max(500, 2 * this.#connectMs));
      return answer.done && answer.value.kind === "failed" ? { kind: "failed", ending: answer.value.ending } : end;
    }
    // Silence from the start: since nats-server 2.11.5 also what a pull with a heartbeat meets when too many others wait.
    const facts = this.#finisher.consumer;
    const silent = end.ending.reason === "heartbeat-lost" && fetch.delivered === 0 && fetch.heartbeats === 0;
    if (silent && facts && facts.waiting >= facts.maxWaiting) {
      const detail = `${facts.waiting} pull requests wait, and max_waiting is ${facts.maxWaiting}.`;
      return { kind: "failed", ending: ending("limit-exceeded", detail) };
    }
    return end;
  }

  /** In the same flight as the pull. A consumer that does not exist would otherwise look like silence. */
  #askConsumer(fetch: Fetch): void {
    const { connection, options, deadlines } = this.#parts;
    const answered = (answer: ConsumerAnswer): void => {
      if (answer.kind === "known") {
        this.#finisher.consumer = answer.facts;
      } else if (answer.kind === "failed" && fetch.delivered === 0) {
        fetch.stop(answer.ending);
      }
      // The answer may be that the connection was closed under the question.
      if (this.#stopped || this.#closed) return;
      const alive = keepAlive(
        keepAliveIntervalMs(this.#finisher.consumer),
        () => this.#pool.held(),
        (msg) => this.#settler.inProgress(msg),
      );
      this.#cleanups.push(() => alive.stop());
    };
    this.#consumerAnswer = askConsumer(connection, options, deadlines.handle - Date.now());
    void this.#consumerAnswer.then(answered);
  }

  #watch(): void {
    const { connection, deadlines, signal } = this.#parts;
    const late = timer(deadlines.handle - Date.now());
    void late.fired.then(() => this.#stop("deadline"));
    const aborted = (): void => this.#stop("aborted");
    signal.addEventListener("abort", aborted, { once: true });
    if (signal.aborted) aborted();

    let shuttingDown = false;
    const unwatch = connection.watch((status: Status) => {
      if (status.type === "ldm") shuttingDown = true;
      this.#noteDenied(status);
    });
    void connection.lost().then((error) => {
      this.#lost = classifyConnectionLoss(error, shuttingDown);
    });
    this.#cleanups.push(late.cancel, unwatch, () => signal.removeEventListener("abort", aborted));
  }

  /** A settlement, or a dead letter, that the user may not publish. */
  #noteDenied(status: Status): void {
    const denied = deniedSubject(status);
    if (!denied) return;
    if (denied.subject.startsWith("$JS.ACK.")) this.#settler.denied(denied.subject);
    else if (denied.subject !== this.#parts.options.deadLetter?.subject) return;
    this.#denied ??= classifyPermission(denied);
  }

  #stop(why: Stopped): void {
    if (this.#stopped) return;
    this.#stopped = why;
    this.#fetch?.stop();
    // Before the signal: a handler that returns because of it has not done its work, and must not be acked for it.
    this.#poolStopped = this.#pool.stop();
    this.#stopping.abort(
      new DOMException(why === "deadline" ? "The drain's time is up." : "The drain was aborted.", "AbortError"),
    );
  }

  async #idleOrStopped(): Promise<void> {
    const { signal } = this.#stopping;
    if (signal.aborted) return;
    const { promise: stopped, resolve } = Promise.withResolvers<void>();
    const listener = (): void => resolve();
    signal.addEventListener("abort", listener, { once: true });
    await Promise.race([this.#pool.idle(), stopped]);
    signal.removeEventListener("abort", listener);
  }

  /** Messages left to deliver: the last delivery's word, or consumer info's where there was none. */
  get #pending(): number | undefined {
    return this.#lastReply === undefined ? this.#finisher.consumer?.pending : parseAckSubject(this.#lastReply).pending;
  }
}
