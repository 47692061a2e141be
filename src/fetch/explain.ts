// Some endings are ambiguous. The consumer, asked before or once more, tells the cases apart.
import type { Connection } from "../connection/connection.ts";
import { type Deadline, now, waitUntil } from "../deadline.ts";
import type { ConsumerFacts } from "../report/facts.ts";
import { type Ending, ending } from "../report/reasons.ts";
import type { Consumer } from "./consumer.ts";
import type { PriorityGroup } from "./pull-request.ts";

interface ExplainPlan {
  readonly stream: string;
  readonly consumer: string;
  readonly priorityGroup?: PriorityGroup | undefined;
  readonly roundTripMs: number;
  readonly deadline: Deadline;
}

/** What a Fetch brought. */
interface Fetched {
  readonly delivered: number;
  readonly heartbeats: number;
  /** Messages not delivered yet, as the last delivery or the consumer said. */
  readonly pending: number | undefined;
}

/** A server that is lost is to be named soon, so it is asked once more only where that may tell something. */
const MAX_AT_ONCE = 64;

export class Explainer {
  readonly #connection: Connection;
  readonly #consumer: Consumer;
  readonly #plan: ExplainPlan;
  #explained: Ending | undefined;
  /** Messages not delivered yet, where the consumer was asked once more. */
  pending: number | undefined;

  constructor(connection: Connection, consumer: Consumer, plan: ExplainPlan) {
    this.#connection = connection;
    this.#consumer = consumer;
    this.#plan = plan;
  }

  /** The ending as it is to be told; one that this gave needs no other. */
  async explain(end: Ending, fetched: Fetched): Promise<Ending> {
    if (end !== this.#explained) this.#explained = await this.#ask(end, fetched);
    return this.#explained;
  }

  async #ask(end: Ending, { delivered, heartbeats, pending }: Fetched): Promise<Ending> {
    switch (end.reason) {
      case "jetstream-unavailable":
        return await this.#noResponders(end);
      case "heartbeat-lost":
        return await this.#lost(end, delivered + heartbeats);
      case "empty":
        return pending === 0 && delivered > 0 ? end : await this.#empty(end, delivered);
      default:
        return end;
    }
  }

  /** The consumer, the stream or all of JetStream is missing. */
  async #noResponders(end: Ending): Promise<Ending> {
    const answer = await waitUntil(
      this.#consumer.answered,
      now() + Math.max(500, 2 * this.#plan.roundTripMs),
    );
    if (!answer.done) return end;
    if (answer.value.kind === "failed") return answer.value.ending;
    if (answer.value.kind === "unknown") return this.#named(end);
    // It was there, and answered.
    const gone = await this.#consumer.whyGone(this.#connection, this.#askBy);
    return gone?.ending ?? end;
  }

  async #lost(end: Ending, frames: number): Promise<Ending> {
    if (frames === 0) return await this.#silence(end);
    return frames === 1 ? oneAnswer(end) : end;
  }

  /**
   * Silence from the start: also what a pull with a heartbeat meets when too many others wait
   * (nats-server 2.11.5).
   */
  async #silence(end: Ending): Promise<Ending> {
    const { answer, facts } = this.#consumer;
    if (!facts) return answer?.kind === "unknown" ? this.#named(end) : end;
    if (facts.waiting >= facts.maxWaiting) return tooManyWait(facts);
    // Drains that start at once ask before any of them waits; so many do not start at once.
    if (facts.maxWaiting - facts.waiting > MAX_AT_ONCE) return end;
    const again = await this.#consumer.askAgain(this.#connection, this.#askBy);
    if (again.kind !== "known") return end;
    const { waiting, maxWaiting } = again.facts;
    if (waiting >= maxWaiting) return tooManyWait(again.facts);
    const hint = `Or too many pull requests waited: it answers, and max_waiting is ${maxWaiting}.`;
    return { ...end, message: `${end.message} ${hint}` };
  }

  #named(end: Ending): Ending {
    const { stream, consumer } = this.#plan;
    const hint = `Or stream "${stream}" has no consumer "${consumer}": consumer info is not allowed.`;
    return { ...end, message: `${end.message} ${hint}` };
  }

  /** Nothing more came. The consumer may know another reason than that nothing is left. */
  async #empty(end: Ending, delivered: number): Promise<Ending> {
    let { facts } = this.#consumer;
    if (!facts) return end;
    // What came while it waited for others' acks is pending too.
    if (delivered > 0 || facts.pending > 0 || isFull(facts)) {
      const again = await this.#consumer.askAgain(this.#connection, this.#askBy);
      if (again.kind === "known") {
        facts = again.facts;
        this.pending = facts.pending;
      }
    }
    const { ackPending, maxAckPending, paused, pending } = facts;
    // Where nothing waits behind what others hold, the limit holds back nothing.
    if (isFull(facts) && pending > 0) {
      const detail = `${ackPending} messages wait for their ack, and max_ack_pending is ${maxAckPending}.`;
      return ending("limit-exceeded", detail);
    }
    if (paused)
      return { ...end, message: `The consumer is paused, and delivers none: ${pending} are pending.` };
    const { group, minPending, minAckPending } = this.#plan.priorityGroup ?? {};
    if (group === undefined || pending === 0) return end;
    // Below its thresholds a member is not to have any; otherwise another one holds the pin, or goes first.
    if (minPending !== undefined || minAckPending !== undefined)
      return { ...end, message: `What is pending, ${pending}, is not for this member of "${group}".` };
    const detail = `${pending} messages are pending, and another client of the group "${group}" has them.`;
    return ending("limit-exceeded", detail);
  }

  get #askBy(): Deadline {
    return Math.min(this.#plan.deadline, now() + Math.max(250, 3 * this.#plan.roundTripMs));
  }
}

function tooManyWait({ waiting, maxWaiting }: ConsumerFacts): Ending {
  return ending("limit-exceeded", `${waiting} pull requests wait, and max_waiting is ${maxWaiting}.`);
}

/** An account's import lets one answer to a request through, unless it is told of more. */
function oneAnswer(end: Ending): Ending {
  const hint = "Or the stream is another account's, and its API exported without response_type: stream.";
  return { ...end, message: `${end.message} ${hint}` };
}

/** The server gives out no message before it has had an ack. */
function isFull({ ackPending, maxAckPending }: ConsumerFacts): boolean {
  return maxAckPending > 0 && ackPending >= maxAckPending;
}
