// One drain under way: its Fetches, its handlers, its settlements, and what it knows when it ends.
import type { Status } from "@nats-io/nats-core";
import type { Budget } from "./budget.ts";
import type { Connection } from "./connection/connection.ts";
import {
  classifyConnectionLoss,
  classifyPermission,
  deniedSubject,
  type FetchEnd,
} from "./connection/failure.ts";
import { LazyConnection } from "./connection/isolated.ts";
import { type Deadline, timer } from "./deadline.ts";
import { askConsumer, type ConsumerFacts } from "./fetch/consumer.ts";
import { nextBatch } from "./fetch/pace.ts";
import { Puller } from "./fetch/puller.ts";
import { BatchPool } from "./handle/batch-pool.ts";
import { type HandlerContext, HandlerPool, type Pool, type PoolParts } from "./handle/handler-pool.ts";
import { valueReader } from "./message/value.ts";
import { type AnyOptions, DEFAULTS } from "./options.ts";
import { type Ending, ending } from "./report/reasons.ts";
import { makeReport, type Report } from "./report/report.ts";
import { findings, verdict } from "./report/verdict.ts";
import { keepAlive, keepAliveIntervalMs } from "./settle/keep-alive.ts";
import { Settler } from "./settle/outbox.ts";
import { type Publish, Publisher } from "./settle/publish.ts";
import { LeaderReceipts } from "./settle/receipts.ts";
import { Finisher } from "./settle/settler.ts";

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
  readonly #puller: Puller;
  readonly #isolated: LazyConnection | undefined;
  /** Its signal is what handlers see. */
  readonly #stopping = new AbortController();
  readonly #connectMs: number;
  readonly #cleanups: (() => void)[] = [];
  /** When a PONG is given up. */
  #confirmBy: Deadline;
  #stopped: Stopped | undefined;
  #closed = false;
  #fetchEnd: FetchEnd = { kind: "stopped" };
  #poolStopped: Promise<boolean> | undefined;
  #cutShort = false;
  #denied: Ending | undefined;
  #lost: Ending | undefined;
  #gone: Ending | undefined;

  constructor(parts: RunParts<Env>) {
    const { connection, options, deadlines, budget, env } = parts;
    this.#parts = parts;
    this.#connectMs = Date.now() - parts.startedAt;
    this.#confirmBy = deadlines.settle;
    if (options.isolatePublisher) {
      const request = { ...options, name: `${options.name ?? DEFAULTS.name}-publisher` };
      this.#isolated = new LazyConnection(request, deadlines.handle, (status) => this.#noteDenied(status));
    }
    const publisher = new Publisher(async () => (await this.#isolated?.get()) ?? connection);
    this.#settler = new Settler(
      () => connection.flush(this.#confirmBy),
      (protocol) => connection.write(protocol),
    );
    if (options.confirm === "leader") this.#askLeader();
    this.#finisher = new Finisher(publisher, this.#settler, options, deadlines.handle + budget.settleMs / 2);
    const publish: Publish = (subject, data, settings = {}) =>
      publisher.publish(subject, data, settings, deadlines.handle);
    this.#pool = this.#makePool({ env, signal: this.#stopping.signal, deadline: deadlines.handle, publish });
    this.#puller = new Puller({
      ...{ connection, options, budget, startedAt: parts.startedAt, connectMs: this.#connectMs },
      deadline: deadlines.handle,
      deliver: (msg) => this.#pool.push(msg),
      answered: (facts) => this.#onConsumer(facts),
    });
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
      this.#fetchEnd = await this.#puller.pull(batch);
      this.#pool.endFetch();
      if (this.#fetchEnd.kind !== "batch-full" || this.#puller.pending === 0) return;
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
    const { connection, deadlines, budget } = this.#parts;
    this.#confirmBy = Math.min(deadlines.settle, Date.now() + budget.settleMs);
    await this.#settler.confirm();
    if (this.#unconfirmed > 0 && !connection.nats.isClosed()) await this.#lookForConsumer();
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
    const { confirmed } = this.#settler;
    const { fetched } = this.#pool;
    const unconfirmed = this.#unconfirmed;
    const { pending, heartbeats, firstMessageMs } = this.#puller;
    const end = verdict({
      ...{ fetchEnd: this.#fetchEnd, denied: this.#denied, stopped: this.#stopped, lost: this.#lost },
      ...{
        fetched,
        unconfirmed,
        gone: this.#gone,
        cutShort: this.#cutShort,
        consumer: this.#puller.consumer,
      },
    });
    return makeReport(end, {
      stream,
      consumer,
      fetched,
      ...confirmed,
      unconfirmed,
      ...(pending === undefined ? {} : { pending }),
      more: (pending ?? 0) > 0 || confirmed.released > 0,
      heartbeats,
      startedAt: new Date(startedAt).toISOString(),
      timings: {
        connectMs: this.#connectMs,
        ...(firstMessageMs === undefined ? {} : { firstMessageMs }),
        totalMs: Date.now() - startedAt,
      },
      findings: findings(this.#finisher.failures),
    });
  }

  #askLeader(): void {
    const { connection, options } = this.#parts;
    this.#settler.askLeader(() => {
      const receipts = new LeaderReceipts(connection.nats, options.inboxPrefix);
      return { receipts, all: () => receipts.all(this.#confirmBy) };
    });
  }

  get #unconfirmed(): number {
    const confirmed = Object.values(this.#settler.confirmed).reduce((total, count) => total + count, 0);
    return this.#pool.fetched - confirmed;
  }

  /** Settlements were not confirmed, over a connection that works: the consumer may be gone. */
  async #lookForConsumer(): Promise<void> {
    const { connection, options, deadlines } = this.#parts;
    const answerBy = Math.min(deadlines.settle, Date.now() + Math.max(250, 3 * this.#connectMs));
    const answer = await askConsumer(connection, options, answerBy);
    if (answer.kind !== "failed" || answer.ending.reason !== "consumer-not-found") return;
    this.#gone = ending(
      "consumer-deleted",
      "It was gone when the messages were settled: see its InactiveThreshold.",
    );
  }

  #makePool(context: HandlerContext<Env>): Pool {
    const { options } = this.#parts;
    const parts: PoolParts<Env> = {
      context,
      handlerTimeoutMs: options.handlerTimeoutMs,
      readValue: valueReader(options),
      settle: (msg, message, handled) => this.#finisher.finish(msg, message, handled),
      release: (msg, afterMs) => this.#finisher.release(msg, afterMs),
    };
    if (options.batchHandler) return new BatchPool({ ...parts, batchHandler: options.batchHandler });
    const { handler, concurrency = DEFAULTS.concurrency, orderBy } = options;
    return new HandlerPool({ ...parts, handler, concurrency, orderBy });
  }

  #nextBatch(): number {
    const { options, deadlines, startedAt } = this.#parts;
    const { batch = DEFAULTS.batch } = options;
    const now = Date.now();
    const { firstMessageMs } = this.#puller;
    const elapsedMs = firstMessageMs === undefined ? 0 : now - startedAt - firstMessageMs;
    return nextBatch({ batch, handled: this.#pool.fetched, elapsedMs, leftMs: deadlines.handle - now });
  }

  /** The consumer has said what it is, or will not: from now on what is held is kept alive. */
  #onConsumer(facts: ConsumerFacts | undefined): void {
    this.#finisher.setConsumer(facts);
    // The answer may be that the connection was closed under the question.
    if (this.#stopped || this.#closed) return;
    // The server may delete the consumer under a slow handler, and the connected server takes acks for it all the same.
    if (facts && facts.inactiveThresholdMs > 0) this.#askLeader();
    const alive = keepAlive(
      keepAliveIntervalMs(facts),
      () => this.#pool.held(),
      (msg) => this.#settler.inProgress(msg),
    );
    this.#cleanups.push(() => alive.stop());
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
    this.#puller.stop();
    // Before the signal: a handler that returns because of it has not done its work, and must not be acked for it.
    this.#poolStopped = this.#pool.stop();
    this.#stopping.abort(
      new DOMException(
        why === "deadline" ? "The drain's time is up." : "The drain was aborted.",
        "AbortError",
      ),
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
}
