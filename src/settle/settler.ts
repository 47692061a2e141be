// From a handler's end to the settlement on the wire: decide, dead-letter first where that is asked for, then settle.
import type { Msg } from "@nats-io/nats-core";
import type { Deadline } from "../deadline.ts";
import type { ConsumerFacts } from "../fetch/consumer.ts";
import { BatchLengthError } from "../handle/batch-pool.ts";
import type { Handled, Settled } from "../handle/handler-pool.ts";
import { parseAckSubject } from "../message/ack-subject.ts";
import type { Message } from "../message/message.ts";
import { type DeadLetterOptions, publishDeadLetter } from "./dead-letter.ts";
import type { Settler } from "./outbox.ts";
import type { Publisher } from "./publish.ts";
import {
  type Action,
  decide,
  delayOnWire,
  exponentialDelay,
  type RetryDelay,
  releaseDelay,
  type Settlement,
  settlementOfError,
} from "./settlement.ts";

export interface FinishOptions {
  readonly retryDelay?: RetryDelay | undefined;
  readonly deadLetter?: DeadLetterOptions | undefined;
  readonly onError?: ((error: unknown, message: Message<unknown>) => void) | undefined;
}

/** What went wrong with messages, for the findings of the report. No error's text: it may quote a body. */
export interface Failures {
  handlers: number;
  firstHandler: string | undefined;
  /** Calls of the drain's `retryDelay` that threw. */
  retryDelays: number;
  deadLetters: number;
  firstDeadLetter: string | undefined;
  /** Set when a batch handler returned an array of another length. */
  batchLength: string | undefined;
}

/** Settles messages by what became of their handlers. */
export class Finisher {
  readonly failures: Failures = {
    handlers: 0,
    firstHandler: undefined,
    retryDelays: 0,
    deadLetters: 0,
    firstDeadLetter: undefined,
    batchLength: undefined,
  };
  #consumer: ConsumerFacts | undefined;
  #isConsumerKnown = false;
  readonly #consumerKnown: Promise<void>;
  readonly #resolveConsumer: () => void;
  readonly #publisher: Publisher;
  readonly #settler: Settler;
  readonly #options: FinishOptions;
  /** A dead letter without a PubAck by then is a nak. */
  readonly #deadline: Deadline;

  constructor(publisher: Publisher, settler: Settler, options: FinishOptions, deadline: Deadline) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#consumerKnown = promise;
    this.#resolveConsumer = resolve;
    this.#publisher = publisher;
    this.#settler = settler;
    this.#options = options;
    this.#deadline = deadline;
  }

  /** Settles a handled message. Returns a promise, which never rejects, only where a dead letter must be confirmed first. */
  finish(msg: Msg, message: Message<unknown>, handled: Handled): Settled | Promise<Settled> {
    const settlement = this.#settlementOf(handled, message);
    // The way of almost every message: nothing to parse, nothing to decide.
    if (settlement.kind === "ack") {
      this.#settler.ack(msg);
      return "done";
    }
    // Only the consumer knows which delivery is the last, and a nak of that one would lose the message: so ask, then act.
    const { deadLetter } = this.#options;
    if (
      settlement.kind === "retry" &&
      deadLetter &&
      deadLetter.maxDeliveries === undefined &&
      !this.#isConsumerKnown
    ) {
      return this.#consumerKnown.then(() => this.#decide(msg, message, settlement));
    }
    return this.#decide(msg, message, settlement);
  }

  /** The consumer has said what it is, or will not. */
  setConsumer(facts: ConsumerFacts | undefined): void {
    this.#isConsumerKnown = true;
    this.#consumer = facts;
    this.#resolveConsumer();
  }

  #decide(msg: Msg, message: Message<unknown>, settlement: Settlement): Settled | Promise<Settled> {
    const policy = { retryDelay: this.#retryDelay, lastDelivery: this.#lastDelivery };
    return this.#act(msg, message, decide(settlement, message.deliveryCount, policy));
  }

  /** Gives back a message that no handler has started, to come again after `waitMs`; by default soon. */
  release(msg: Msg, waitMs: number = releaseDelay(Math.random())): void {
    const backoffMs = this.#consumer?.backoffMs ?? [];
    // Only backoff makes the delivery count matter, and only then is it read.
    const delayMs = backoffMs.length > 0 ? delayOnWire(waitMs, deliveryCountOf(msg), backoffMs) : waitMs;
    this.#settler.nak(msg, delayMs, "released");
  }

  #act(msg: Msg, message: Message<unknown>, action: Action): Settled | Promise<Settled> {
    switch (action.op) {
      case "ack":
        this.#settler.ack(msg);
        return "done";
      case "nak":
        return this.#nak(msg, message, action.delayMs);
      case "discard":
        return this.#discard(msg, message, action.reason);
      default:
        return action satisfies never;
    }
  }

  #nak(msg: Msg, { deliveryCount }: Message<unknown>, waitMs: number): Settled {
    this.#settler.nak(msg, delayOnWire(waitMs, deliveryCount, this.#consumer?.backoffMs ?? []), "retried");
    return { againInMs: waitMs };
  }

  #settlementOf(handled: Handled, message: Message<unknown>): Settlement {
    switch (handled.kind) {
      case "returned": {
        const { settlement } = handled;
        if ("cause" in settlement) this.#failed(settlement.cause, message);
        return settlement;
      }
      case "threw":
        return settlementOfError(handled.error) ?? this.#failed(handled.error, message);
      case "overdue":
        return { kind: "retry" };
      default:
        return handled satisfies never;
    }
  }

  #failed(error: unknown, message: Message<unknown>): Settlement {
    if (error instanceof BatchLengthError) {
      this.failures.batchLength = error.message;
      return { kind: "retry" };
    }
    this.failures.handlers += 1;
    this.failures.firstHandler ??= `${error instanceof Error ? error.name : typeof error} on ${message.id}`;
    try {
      this.#options.onError?.(error, message);
    } catch {
      // A hook that fails must not take the message's settlement with it.
    }
    return { kind: "retry" };
  }

  /** The drain's own pacing; where that fails, the default one: a message must not hang on a mistake in a formula. */
  readonly #retryDelay: RetryDelay = (deliveryCount) => {
    try {
      const delayMs = this.#options.retryDelay?.(deliveryCount);
      if (delayMs !== undefined && Number.isFinite(delayMs)) return delayMs;
    } catch {
      this.failures.retryDelays += 1;
    }
    return exponentialDelay(deliveryCount, Math.random());
  };

  /** Only a dead letter may end what merely fails: without one the message stays for an operator to find. */
  get #lastDelivery(): number | undefined {
    const { deadLetter } = this.#options;
    return deadLetter && (deadLetter.maxDeliveries ?? this.#consumer?.maxDeliver);
  }

  #discard(msg: Msg, message: Message<unknown>, reason: string): Settled | Promise<Settled> {
    const { deadLetter } = this.#options;
    if (deadLetter) return this.#bury(msg, message, reason, deadLetter.subject);
    this.#settler.term(msg, "rejected");
    return "done";
  }

  async #bury(msg: Msg, message: Message<unknown>, reason: string, subject: string): Promise<Settled> {
    try {
      await publishDeadLetter(this.#publisher, subject, message, reason, { by: this.#deadline });
    } catch (error) {
      this.failures.deadLetters += 1;
      this.failures.firstDeadLetter ??= error instanceof Error ? error.message : String(error);
      return this.#nak(msg, message, this.#retryDelay(message.deliveryCount));
    }
    this.#settler.term(msg, "deadLettered");
    return "done";
  }
}

function deliveryCountOf(msg: Msg): number {
  return parseAckSubject(msg.reply ?? "").deliveryCount;
}
