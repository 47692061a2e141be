// The Fetch of a drain: one inbox, one bound, a few pull requests at the pace of the handlers, and
// always how it ended.
import { apiPrefix } from "../connection/jetstream.ts";
import { now } from "../deadline.ts";
import type { RawMessage } from "../message/received.ts";
import { type Ending, ending } from "../report/reasons.ts";
import { FetchBound } from "./bound.ts";
import type { ConsumerAnswer } from "./consumer.ts";
import { isOutOfBytes } from "./delivery.ts";
import { Emptiness } from "./emptiness.ts";
import { Explainer } from "./explain.ts";
import { listenTo } from "./inbox.ts";
import { LatestDelivery } from "./latest.ts";
import { firstPull, type LastDeliveries, nextPull } from "./pace.ts";
import { Pin } from "./pin.ts";
import { deliveryLimit, longestWaitMs, type PullerParts, pullTimes, roomOf } from "./plan.ts";
import { Pull, type PullEnd } from "./pull.ts";
import { classifyStatus } from "./status.ts";

export class Puller {
  readonly #parts: PullerParts;
  readonly #explainer: Explainer;
  readonly #ended = Promise.withResolvers<PullEnd>();
  readonly #startedAt = now();
  #pull: Pull | undefined;
  #open = true;
  #asked = 0;
  readonly #bound: FetchBound;
  readonly #latest = new LatestDelivery();
  readonly #pin: Pin;
  readonly #emptiness = new Emptiness();
  /** For more, until the limit. */
  readonly #waits: boolean;
  /** Not worth another look while more than so many are queued. */
  #enough = Number.POSITIVE_INFINITY;
  #isAsking = false;
  /** When the first message came, on the monotonic clock. */
  firstMessageAt: number | undefined;
  delivered = 0;
  /** The last pull request may have been answered at the moment that it was taken back. */
  isTakenBack = false;

  constructor(parts: PullerParts) {
    this.#parts = parts;
    this.#waits = parts.plan.until === "limit";
    this.#bound = new FetchBound(parts.plan);
    this.#pin = new Pin(parts.plan.priorityGroup);
    this.#explainer = new Explainer(parts.connection, parts.consumer, parts.plan);
  }

  /** Resolves when no more is pulled: to how the Fetch ended, or undefined where the drain stopped it. */
  async fetch(): Promise<Ending | undefined> {
    const { connection, plan, consumer, inbox } = this.#parts;
    const heard = (answer: ConsumerAnswer): void => {
      if (answer.kind === "failed" && this.delivered === 0) this.#end(answer.ending);
    };
    if (consumer.answer) heard(consumer.answer);
    else void consumer.answered.then(heard);
    if (this.#open) {
      listenTo(inbox, connection, plan, {
        deliver: (msg) => this.#deliver(msg),
        status: (to, code, description) => this.#status(to, code, description),
        foreign: (msg) =>
          this.#parts.journal.note("foreign-message", `on ${JSON.stringify(msg.subject.slice(0, 80))}`),
        denied: (subject) =>
          this.#end(ending("permission-denied", `Allow the user to subscribe to "${subject}".`)),
      });
      void connection.lost.then((lost) => this.#end(lost));
      this.consider();
    }
    const end = await this.#ended.promise;
    // However it ended: what a batch handler has been brought so far is a batch.
    this.#parts.batchEnded();
    return end && (await this.#explain(end));
  }

  /** Pulls if it is time to: called whenever a message has left. */
  consider(): void {
    if (!this.#open || this.#pull || this.#isAsking) return;
    // What has come behind the end of its pull is a batch, too.
    if (this.#parts.plan.whole) this.#parts.batchEnded();
    const { queued } = this.#parts.handling();
    if (queued > this.#enough) return;
    const size = this.#nextSize();
    this.#enough = size === 0 && queued > 0 ? queued / 2 : Number.POSITIVE_INFINITY;
    if (size > 0) this.#send(size);
    else if (!this.#isIdle) return;
    else if (this.#isEmpty) void this.#endIfEmpty(ending("empty"));
    else this.#end(ending(this.#pending === 0 && !this.#waits ? "empty" : "deadline"));
  }

  /** Pulls no more. Deliveries on their way still come out, until the next flush. */
  stop(): void {
    this.#end(undefined);
  }

  /**
   * Messages left to deliver: as the consumer said when it was asked why the Fetch ended, or when all
   * was settled; else as the last delivery said.
   */
  get pending(): number | undefined {
    return this.#explainer.pending ?? this.#parts.consumer.pending ?? this.#pending;
  }

  get #pending(): number | undefined {
    return this.#latest.info?.pending ?? this.#parts.consumer.facts?.pending;
  }

  /** The server had none to give, and nothing has moved on since. */
  get #isEmpty(): boolean {
    return this.#emptiness.holds(this.#parts.handling().handled);
  }

  get #isIdle(): boolean {
    const { queued, running } = this.#parts.handling();
    return queued + running === 0;
  }

  #nextSize(): number {
    const { plan } = this.#parts;
    const left = this.#bound.messagesLeft;
    if (left <= 0 || this.#longestWaitMs <= 0) return 0;
    const handling = this.#parts.handling();
    const leftMs = plan.deadline - now();
    // A batch is pulled once the one before it is handled, and while one a little slower ends in time.
    const neededMs = 1.25 * (handling.slowestMs ?? 0);
    if (plan.whole)
      return this.#isIdle && leftMs > neededMs ? Math.min(left, roomOf(this.#parts.consumer.facts)) : 0;
    // What a Fetch left in memory is handled before the next one brings as much again.
    if (this.#bound.isNextToBegin && handling.queued > 0) return 0;
    if (this.#isEmpty) return 0;
    if (this.firstMessageAt === undefined)
      return Math.min(left, firstPull({ ...plan, last: this.#lastDeliveries }));
    const elapsedMs = now() - this.firstMessageAt;
    const measured = { leftMs, elapsedMs, pending: this.#pending, failuresLeft: this.#parts.failuresLeft() };
    return Math.min(left, nextPull({ ...plan, ...handling, ...measured, last: this.#lastDeliveries }));
  }

  get #longestWaitMs(): number {
    return longestWaitMs(this.#parts.plan, this.#deliveryLimit, this.#parts.handling());
  }

  get #deliveryLimit(): number | undefined {
    return deliveryLimit(this.#parts.plan, this.#parts.consumer.facts);
  }

  get #lastDeliveries(): LastDeliveries {
    const ackPending = this.#parts.consumer.facts?.ackPending ?? Number.POSITIVE_INFINITY;
    return {
      limit: this.#deliveryLimit,
      redeliverable: Math.max(0, ackPending - this.#latest.redelivered),
      latestCount: this.#latest.info?.deliveryCount,
    };
  }

  #send(batch: number): void {
    const { connection, inbox, plan } = this.#parts;
    const { fill, priorityGroup } = plan;
    const elapsedMs = now() - this.#startedAt;
    const { expiresMs, heartbeatMs } = pullTimes(plan, elapsedMs, this.delivered > 0, this.#longestWaitMs);
    this.#asked += batch;
    const pull = new Pull({
      connection,
      subject: `${apiPrefix(plan.domain)}.CONSUMER.MSG.NEXT.${plan.stream}.${plan.consumer}`,
      inbox: inbox.next(),
      request: {
        batch,
        maxBytes: this.#bound.bytesLeft,
        expiresMs,
        heartbeatMs,
        fill,
        priorityGroup,
        pinId: this.#pin.id,
      },
      bounds: { heartbeatMs, expiresMs, firstAnswerMs: plan.roundTripMs, deadline: plan.deadline },
    });
    this.#pull = pull;
    void pull.ended.then((end) => this.#pullEnded(pull, end));
  }

  #deliver(msg: RawMessage): void {
    this.delivered += 1;
    this.#emptiness.delivered();
    if (this.delivered > this.#asked) {
      this.#parts.connection.fail("delivered more than it was asked for, and was left");
      return;
    }
    this.firstMessageAt ??= now();
    this.#latest.set(msg.reply ?? "", this.#deliveryLimit);
    this.#explainer.pending = undefined;
    this.#bound.take(msg);
    this.#pin.delivered(msg);
    const pull = this.#pull;
    this.#parts.deliver(msg);
    pull?.deliver();
  }

  #status(to: string, code: number, description: string): void {
    if (code === 100) this.#parts.journal.heartbeat(now());
    // One that is over can have nothing to say any more.
    if (this.#pull?.inbox !== to) return;
    this.#pull.frame();
    const fill = this.#parts.plan.fill && !this.#waits;
    const end = classifyStatus({ code, description, fill, delivered: this.#bound.delivered });
    const { batch, delivered } = this.#pull;
    if (this.#pin.isRefused(code)) {
      this.#unpinned(this.#pull);
    } else if (end?.reason === "batch-full" && delivered < batch && !isOutOfBytes(description)) {
      this.#pull.completed(this.#parts.plan.roundTripMs);
    } else if (end) {
      const pauseMs = this.#waits && end.reason === "empty" ? this.#emptiness.pauseMs(this.#pull.isEarly) : 0;
      if (pauseMs > 0) this.#pull.pause(pauseMs, end);
      else this.#pull.end(end);
    }
  }

  #pullEnded(pull: Pull, end: PullEnd): void {
    if (this.#pull !== pull) return;
    this.#pull = undefined;
    if (!this.#open) return;
    if (end?.reason === "empty") this.#serverHasNone(pull, end);
    // Ended by a status before it had all that it asked for: the bytes are used up.
    else if (end?.reason === "batch-full")
      this.#pullIsFull(this.#bound.messagesLeft <= 0 || pull.delivered < pull.batch);
    else this.#end(end);
  }

  /** The pin that it named is one no more: the next one may have another. */
  #unpinned(pull: Pull): void {
    this.#pull = undefined;
    pull.end(undefined);
    this.#parts.batchEnded();
    this.consider();
  }

  /** The pull brought all it could; `whole`: and so did the Fetch. */
  #pullIsFull(whole: boolean): void {
    const { plan, batchEnded } = this.#parts;
    if (whole || plan.whole) batchEnded();
    if (whole && !this.#bound.next()) this.#end(ending("batch-full"));
    else if (!this.#waits && !plan.fill && this.#latest.isNewAndLast) this.#end(ending("empty"));
    else this.consider();
  }

  #serverHasNone(pull: Pull, end: Ending): void {
    this.#parts.batchEnded();
    const { handled } = this.#parts.handling();
    const moved = this.#emptiness.isNew(handled);
    // One that brought some ended for its time: there may be more.
    const gaveNone = pull.delivered === 0;
    if (!this.#waits && gaveNone) this.#emptiness.said(handled);
    const mayBeMore = this.delivered > 0 && this.#pending !== 0;
    // It has some that it does not give: acks that are under way may make room for them.
    const isStuck = this.#isIdle && gaveNone && !moved;
    if (this.#waits || (mayBeMore && !isStuck)) this.consider();
    else void this.#endIfEmpty(end);
  }

  /** The server had none to give. Ends, unless the consumer says that some are left, and has not for long. */
  async #endIfEmpty(end: Ending): Promise<void> {
    const { plan } = this.#parts;
    this.#isAsking = true;
    const explained = await this.#explain(end);
    this.#isAsking = false;
    // Held up by what others hold, it is no nearer to its end than they are.
    const mayGoOn = explained === end || explained.reason === "limit-exceeded";
    const isLate = mayGoOn && this.delivered > 0 && (this.pending ?? 0) > 0;
    // A priority group may have its reasons to give none.
    if (isLate && !plan.priorityGroup && this.#emptiness.doubt()) {
      this.consider();
    } else {
      this.#end(explained);
    }
  }

  #explain(end: Ending): Promise<Ending> {
    const { delivered, pending } = this;
    return this.#explainer.explain(end, { delivered, pending, heartbeats: this.#parts.journal.heartbeats });
  }

  #end(end: Ending | undefined): void {
    if (!this.#open) return;
    this.#open = false;
    // The server may still have a pull request, and is to deliver no more to it. What it has delivered
    // comes: dropped, it would wait for its ack wait.
    const isOver = !this.#pull && (end?.reason === "empty" || end?.reason === "batch-full");
    if (!isOver) this.#parts.connection.unsubscribe(this.#parts.inbox);
    // A silent server would not be heard.
    this.isTakenBack = !isOver && end?.reason !== "heartbeat-lost";
    this.#pull?.end(end);
    this.#ended.resolve(end);
  }
}
