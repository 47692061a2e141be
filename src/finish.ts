// From a handler's end to the settlement on the wire: decide, dead-letter first where that is asked for, then settle.
import type { Msg } from "@nats-io/nats-core";
import type { Deadline } from "./clock.ts";
import type { Connection } from "./connection.ts";
import type { ConsumerFacts } from "./consumer.ts";
import { type DeadLetterOptions, publishDeadLetter } from "./dead-letter.ts";
import type { Handled } from "./handle.ts";
import type { Message } from "./message.ts";
import { decide, exponentialDelay, type RetryDelay, type Settlement, type Settler } from "./settle.ts";

// A released message was never looked at: it may go to the next drain soon, though not into a drain that is ending.
const RELEASE_DELAY_MS = 500;
const RELEASE_JITTER_MS = 500;

export interface FinishOptions {
  readonly retryDelay?: RetryDelay | undefined;
  readonly deadLetter?: DeadLetterOptions | undefined;
  readonly onError?: ((error: unknown, message: Message) => void) | undefined;
}

/** What went wrong with messages, for the findings of the report. No error's text: it may quote a body. */
export interface Failures {
  handlers: number;
  firstHandler: string | undefined;
  /** Calls of the drain's `retryDelay` that threw. */
  retryDelays: number;
  deadLetters: number;
  firstDeadLetter: string | undefined;
}

/** Settles messages by what became of their handlers. */
export class Finisher {
  readonly failures: Failures = {
    handlers: 0,
    firstHandler: undefined,
    retryDelays: 0,
    deadLetters: 0,
    firstDeadLetter: undefined,
  };
  /** Set when consumer info has come. */
  consumer: ConsumerFacts | undefined;
  readonly #connection: Connection;
  readonly #settler: Settler;
  readonly #options: FinishOptions;
  /** A dead letter without a PubAck by then is a nak. */
  readonly #deadline: Deadline;

  constructor(connection: Connection, settler: Settler, options: FinishOptions, deadline: Deadline) {
    this.#connection = connection;
    this.#settler = settler;
    this.#options = options;
    this.#deadline = deadline;
  }

  /** Settles a handled message. Returns a promise, which never rejects, only where a dead letter must be confirmed first. */
  finish(msg: Msg, message: Message, handled: Handled): void | Promise<void> {
    const settlement = this.#settlementOf(handled, message);
    // The way of almost every message: nothing to parse, nothing to decide.
    if (settlement.kind === "ack") return this.#settler.ack(msg);
    const action = decide(settlement, message.deliveryCount, {
      retryDelay: this.#retryDelay,
      lastDelivery: this.#lastDelivery,
    });
    switch (action.op) {
      case "ack":
        return this.#settler.ack(msg);
      case "nak":
        return this.#settler.nak(msg, action.delayMs, "retried");
      case "discard":
        return this.#discard(msg, message, action.reason);
      default:
        return action satisfies never;
    }
  }

  /** Gives back a message that no handler has started. */
  release(msg: Msg): void {
    this.#settler.nak(msg, RELEASE_DELAY_MS + Math.random() * RELEASE_JITTER_MS, "released");
  }

  #settlementOf(handled: Handled, message: Message): Settlement {
    switch (handled.kind) {
      case "returned":
        return handled.settlement;
      case "threw":
        this.#failed(handled.error, message);
        return { kind: "retry" };
      case "overdue":
        return { kind: "retry" };
      default:
        return handled satisfies never;
    }
  }

  #failed(error: unknown, message: Message): void {
    this.failures.handlers += 1;
    this.failures.firstHandler ??= `${error instanceof Error ? error.name : typeof error} on ${message.id}`;
    try {
      this.#options.onError?.(error, message);
    } catch {
      // A hook that fails must not take the message's settlement with it.
    }
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
    return deadLetter && (deadLetter.maxDeliveries ?? this.consumer?.maxDeliver);
  }

  #discard(msg: Msg, message: Message, reason: string): void | Promise<void> {
    const { deadLetter } = this.#options;
    return deadLetter ? this.#bury(msg, message, reason, deadLetter.subject) : this.#settler.term(msg, "rejected");
  }

  async #bury(msg: Msg, message: Message, reason: string, subject: string): Promise<void> {
    try {
      await publishDeadLetter(this.#connection.nats, subject, message, reason, this.#deadline - Date.now());
      this.#settler.term(msg, "deadLettered");
    } catch (error) {
      this.failures.deadLetters += 1;
      this.failures.firstDeadLetter ??= `${subject}: ${error instanceof Error ? error.message : String(error)}`;
      this.#settler.nak(msg, this.#retryDelay(message.deliveryCount), "retried");
    }
  }
}
