// One drain under way: its Fetches, its handlers, its settlements, and what it knows when it ends.
import type { Status } from "@nats-io/nats-core";
import type { Budget } from "./budget.ts";
import { classifyConnectionLoss, classifyPermission, type FetchEnd } from "./classify.ts";
import { type Deadline, timer, waitUntil } from "./clock.ts";
import type { Connection } from "./connection.ts";
import { askConsumer, type ConsumerAnswer, type ConsumerFacts } from "./consumer.ts";
import { deniedSubject, type Fetch, startFetch } from "./fetch.ts";
import { Finisher } from "./finish.ts";
import { HandlerPool } from "./handle.ts";
import { keepAlive, keepAliveIntervalMs } from "./keep-alive.ts";
import { parseAckSubject } from "./message.ts";
import { DEFAULTS, type DrainOptions } from "./options.ts";
import { type Ending, ending, type Finding, makeReport, type Report } from "./report.ts";
import { Settler } from "./settle.ts";

/** When each part of the drain has to be over, in milliseconds since the epoch. */
export interface Deadlines {
  readonly connect: Deadline;
  readonly handle: Deadline;
  readonly settle: Deadline;
}

export interface RunParts<Env> {
  readonly connection: Connection;
  readonly options: DrainOptions<Env>;
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
  readonly #pool: HandlerPool<Env>;
  /** Its signal is what handlers see. */
  readonly #stopping = new AbortController();
  readonly #connectMs: number;
  readonly #cleanups: (() => void)[] = [];
  /** When a PONG is given up. */
  #confirmBy: Deadline;
  #stopped: Stopped | undefined;
  #fetch: Fetch | undefined;
  #fetchEnd: FetchEnd = { kind: "stopped" };
  #heartbeats = 0;
  #poolStopped: Promise<boolean> | undefined;
  #cutShort = false;
  #consumerAnswer: Promise<ConsumerAnswer> = Promise.resolve({ kind: "unknown" });
  #consumer: ConsumerFacts | undefined;
  #denied: Ending | undefined;
  #lost: Ending | undefined;
  #firstMessageMs: number | undefined;
  #lastReply: string | undefined;

  constructor(parts: RunParts<Env>) {
    const { connection, options, deadlines, budget, env } = parts;
    this.#parts = parts;
    this.#connectMs = Date.now() - parts.startedAt;
    this.#confirmBy = deadlines.settle;
    this.#settler = new Settler(() => connection.flush(this.#confirmBy));
    const finisher = new Finisher(connection, this.#settler, options, deadlines.handle + budget.settleMs / 2);
    this.#finisher = finisher;
    this.#pool = new HandlerPool({
      handler: options.handler,
      concurrency: options.concurrency ?? DEFAULTS.concurrency,
      context: { env, signal: this.#stopping.signal, deadline: deadlines.handle },
      settle: (msg, message, handled) => finisher.finish(msg, message, handled),
      release: (msg) => finisher.release(msg),
    });
    this.#watch();
  }

  /** Pulls, once or as often as `fetches` allows; handlers start meanwhile. Resolves when the last Fetch has ended. */
  async fetch(): Promise<void> {
    const { fetches = DEFAULTS.fetches } = this.#parts.options;
    for (let made = 0; made < fetches && !this.#stopped; made += 1) {
      // The next batch only when this one is handled: what waits in a queue here, another drain could have had.
      if (made > 0) await this.#idleOrStopped();
      const fetch = this.#startFetch();
      if (made === 0) this.#askConsumer(fetch);
      this.#fetchEnd = await this.#explain(fetch, await fetch.ended);
      this.#heartbeats += fetch.heartbeats;
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

  report(): Report {
    for (const cleanup of this.#cleanups) cleanup();
    const { stream, consumer } = this.#parts.options;
    const { startedAt } = this.#parts;
    const confirmed = this.#settler.confirmed;
    const sum = Object.values(confirmed).reduce((total, count) => total + count, 0);
    const fetched = this.#pool.fetched;
    const pending = this.#pending;
    return makeReport(this.#ending(fetched - sum), {
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
      findings: this.#findings(),
    });
  }

  #startFetch(): Fetch {
    const { connection, options, budget, deadlines } = this.#parts;
    const { batch = DEFAULTS.batch, fill = DEFAULTS.fill, stream, consumer, domain, inboxPrefix, maxBytes } = options;
    const request = {
      ...{ stream, consumer, domain, inboxPrefix, batch, maxBytes, fill },
      maxWaitMs: budget.maxWaitMs,
      heartbeatMs: budget.heartbeatMs,
      // Connecting took at least two round trips.
      firstAnswerMs: this.#connectMs,
      deadline: deadlines.handle,
    };
    this.#fetch = startFetch(connection, request, (msg) => {
      this.#firstMessageMs ??= Date.now() - this.#parts.startedAt;
      this.#lastReply = msg.reply;
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
    const facts = this.#consumer;
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
        this.#consumer = answer.facts;
        this.#finisher.consumer = answer.facts;
      } else if (answer.kind === "failed" && fetch.delivered === 0) {
        fetch.stop(answer.ending);
      }
      if (this.#stopped) return;
      const alive = keepAlive(
        keepAliveIntervalMs(this.#consumer),
        () => this.#pool.held(),
        (msg) => this.#settler.inProgress(msg),
      );
      this.#cleanups.push(() => alive.stop());
    };
    this.#consumerAnswer = askConsumer(connection, options, deadlines.handle - Date.now());
    void this.#consumerAnswer.then(answered);
  }

  #watch(): void {
    const { connection, deadlines, signal, options } = this.#parts;
    const late = timer(deadlines.handle - Date.now());
    void late.fired.then(() => this.#stop("deadline"));
    const aborted = (): void => this.#stop("aborted");
    signal.addEventListener("abort", aborted, { once: true });
    if (signal.aborted) aborted();

    let shuttingDown = false;
    const unwatch = connection.watch((status: Status) => {
      if (status.type === "ldm") shuttingDown = true;
      const denied = deniedSubject(status);
      if (!denied) return;
      if (denied.subject.startsWith("$JS.ACK.")) this.#settler.denied(denied.subject);
      else if (denied.subject !== options.deadLetter?.subject) return;
      this.#denied ??= classifyPermission(denied);
    });
    void connection.lost().then((error) => {
      this.#lost = classifyConnectionLoss(error, shuttingDown);
    });
    this.#cleanups.push(late.cancel, unwatch, () => signal.removeEventListener("abort", aborted));
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
    return this.#lastReply === undefined ? this.#consumer?.pending : parseAckSubject(this.#lastReply).pending;
  }

  /** What ended it. A failure of the Fetch comes first; then what the settling met; then how far it got. */
  #ending(unconfirmed: number): Ending {
    if (this.#fetchEnd.kind === "failed") return this.#fetchEnd.ending;
    if (this.#denied) return this.#denied;
    if (this.#stopped === "aborted") return ending("aborted");
    if (unconfirmed > 0) {
      return (
        this.#lost ??
        ending("connection-lost", "The server did not confirm the settlements in time: is it frozen, or far away?")
      );
    }
    if (this.#cutShort || this.#fetchEnd.kind === "stopped") return ending("deadline");
    return this.#cleanEnding(this.#fetchEnd.kind);
  }

  #cleanEnding(reason: "empty" | "batch-full" | "max-wait"): Ending {
    const { fetched } = this.#pool;
    const facts = this.#consumer;
    if (fetched > 0 || !facts) return ending(reason);
    if (facts.maxAckPending > 0 && facts.ackPending >= facts.maxAckPending) {
      return ending(
        "limit-exceeded",
        `${facts.ackPending} messages wait for their ack, and max_ack_pending is ${facts.maxAckPending}.`,
      );
    }
    return facts.paused ? ending(reason, "The consumer is paused.") : ending(reason);
  }

  #findings(): Finding[] {
    const { failures } = this.#finisher;
    const findings: Finding[] = [];
    if (failures.handlers > 0) {
      findings.push({
        code: "handler-failed",
        message: `${failures.handlers} handlers threw; the first: ${failures.firstHandler}.`,
      });
    }
    if (failures.retryDelays > 0) {
      findings.push({
        code: "retry-delay-failed",
        message: `retryDelay threw ${failures.retryDelays} times; the default was used.`,
      });
    }
    if (failures.deadLetters > 0) {
      findings.push({
        code: "dead-letter-failed",
        message: `${failures.deadLetters} dead letters were not confirmed; the first: ${failures.firstDeadLetter}.`,
      });
    }
    return findings;
  }
}
