// The pulls of one drain: each a Fetch, the first with a question about the consumer beside it, and what they told.
import type { Msg } from "@nats-io/nats-core";
import type { Budget } from "../budget.ts";
import type { Connection } from "../connection/connection.ts";
import type { FetchEnd } from "../connection/failure.ts";
import { type Deadline, waitUntil } from "../deadline.ts";
import { parseAckSubject } from "../message/ack-subject.ts";
import type { Codec } from "../message/codec.ts";
import { DEFAULTS, type DrainSettings } from "../options.ts";
import { ending } from "../report/reasons.ts";
import { askConsumer, type ConsumerAnswer, type ConsumerFacts } from "./consumer.ts";
import { type Fetch, startFetch } from "./fetch.ts";

export interface PullerParts {
  readonly connection: Connection;
  readonly options: DrainSettings<Codec, unknown>;
  readonly budget: Budget;
  readonly startedAt: number;
  /** How long connecting took, in milliseconds: an upper bound of two round trips. */
  readonly connectMs: number;
  /** Every pull has ended by then. */
  readonly deadline: Deadline;
  readonly deliver: (msg: Msg) => void;
  /** The consumer has answered; without facts where it may not, or did not. */
  readonly answered: (facts: ConsumerFacts | undefined) => void;
}

/** Makes pull requests, and keeps what they and the consumer said. */
export class Puller {
  readonly #parts: PullerParts;
  #fetch: Fetch | undefined;
  #asked: Promise<ConsumerAnswer> | undefined;
  #lastReply: string | undefined;
  #pinId: string | undefined;
  /** What the consumer said of itself. */
  consumer: ConsumerFacts | undefined;
  /** Idle heartbeats seen. */
  heartbeats = 0;
  /** From the start of the drain to its first message, in milliseconds. */
  firstMessageMs: number | undefined;

  constructor(parts: PullerParts) {
    this.#parts = parts;
  }

  /** Pulls once; resolves when the Fetch has ended, with how. */
  async pull(batch: number): Promise<FetchEnd> {
    this.#fetch?.forget();
    const fetch = this.#startFetch(batch);
    this.#fetch = fetch;
    this.#asked ??= this.#askConsumer(fetch);
    const end = await this.#explain(fetch, await fetch.ended);
    this.heartbeats += fetch.heartbeats;
    return end;
  }

  /** Ends the Fetch that is under way, if one is. */
  stop(): void {
    this.#fetch?.stop();
  }

  /** Messages left to deliver: the last delivery's word, or the consumer's where there was none. */
  get pending(): number | undefined {
    return this.#lastReply === undefined ? this.consumer?.pending : parseAckSubject(this.#lastReply).pending;
  }

  #startFetch(batch: number): Fetch {
    const { connection, options, budget, startedAt, connectMs, deadline, deliver } = this.#parts;
    const {
      fill = DEFAULTS.fill,
      maxBytes = DEFAULTS.maxBytes,
      stream,
      consumer,
      domain,
      inboxPrefix,
      priorityGroup,
    } = options;
    const maxWaitMs = Math.max(0, Math.min(budget.maxWaitMs, deadline - Date.now()));
    const request = {
      ...{ stream, consumer, domain, inboxPrefix, batch, maxBytes, fill, priorityGroup, pinId: this.#pinId },
      ...{ maxWaitMs, deadline, firstAnswerMs: connectMs },
      // The plan's, unless too little time is left for it.
      heartbeatMs: budget.heartbeatMs * 3 <= maxWaitMs ? budget.heartbeatMs : 0,
    };
    return startFetch(connection, request, (msg) => {
      this.firstMessageMs ??= Date.now() - startedAt;
      this.#lastReply = msg.reply;
      // Under the policy `pinned_client` the next pull has to name the pin that this delivery came with.
      if (priorityGroup) this.#pinId = msg.headers?.get("Nats-Pin-Id") || this.#pinId;
      deliver(msg);
    });
  }

  /** In the same flight as the pull. A consumer that does not exist would otherwise look like silence. */
  async #askConsumer(fetch: Fetch): Promise<ConsumerAnswer> {
    const { connection, options, deadline, answered } = this.#parts;
    const answer = await askConsumer(connection, options, deadline);
    if (answer.kind === "known") this.consumer = answer.facts;
    else if (answer.kind === "failed" && fetch.delivered === 0) fetch.stop(answer.ending);
    answered(this.consumer);
    return answer;
  }

  /** Two answers can mean several things, and consumer info, which is on its way or here, knows which. */
  async #explain(fetch: Fetch, end: FetchEnd): Promise<FetchEnd> {
    if (end.kind !== "failed" || !this.#asked) return end;
    // No responders: the consumer, the stream or all of JetStream is missing.
    if (end.ending.reason === "jetstream-unavailable") {
      const answer = await waitUntil(this.#asked, Date.now() + Math.max(500, 2 * this.#parts.connectMs));
      return answer.done && answer.value.kind === "failed"
        ? { kind: "failed", ending: answer.value.ending }
        : end;
    }
    // Silence from the start: since nats-server 2.11.5 also what a pull with a heartbeat meets when too many others wait.
    const facts = this.consumer;
    const silent = end.ending.reason === "heartbeat-lost" && fetch.delivered === 0 && fetch.heartbeats === 0;
    if (silent && facts && facts.waiting >= facts.maxWaiting) {
      const detail = `${facts.waiting} pull requests wait, and max_waiting is ${facts.maxWaiting}.`;
      return { kind: "failed", ending: ending("limit-exceeded", detail) };
    }
    return end;
  }
}
