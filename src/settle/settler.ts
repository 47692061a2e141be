// From a handler's end to the settlement on the wire: decide, dead-letter first where that is asked
// for, then settle.
import type { Deadline } from "../deadline.ts";
import type { Consumer } from "../fetch/consumer.ts";
import { lacksBody } from "../message/lacks-body.ts";
import type { DeliveredMessage, Message } from "../message/message.ts";
import type { RawMessage } from "../message/received.ts";
import type { Journal } from "../report/journal.ts";
import { type Copy, isOwnDeadLetter, readCopy } from "./copy.ts";
import { type DeadLetterOptions, publishDeadLetter } from "./dead-letter.ts";
import { type Action, decide, delayOnWire, type TurnEnd } from "./decide.ts";
import type { Outbox } from "./outbox.ts";
import type { Publisher } from "./publish.ts";
import { mayBeStored } from "./publish-error.ts";
import type { Reserve } from "./reserve.ts";
import type { IsKept } from "./retention.ts";
import type { Count } from "./sent.ts";
import { exponentialDelay, type RetryDelay } from "./settlement.ts";

interface SettlerOptions {
  readonly retryDelay?: RetryDelay | undefined;
  readonly deadLetter?: DeadLetterOptions | undefined;
  readonly onError?: ((error: unknown, message: Message<unknown>) => void) | undefined;
}

export interface SettlerParts {
  readonly publisher: Publisher;
  readonly outbox: Outbox;
  /** Takes what is at its last delivery, and cannot become a dead letter. */
  readonly reserve: Reserve;
  readonly consumer: Consumer;
  readonly journal: Journal;
  readonly options: SettlerOptions;
  /** The seed that the drain signs in with, where it has one: for the ids of dead letters. */
  readonly seed: string | undefined;
  /** A dead letter without a PubAck by then is a nak. */
  readonly deadline: Deadline;
  /** Whether a message stays in its stream when it is termed, as far as that is known. */
  readonly staysWhenTermed: () => Promise<boolean>;
  /** Whether the stream of the dead letters keeps what it has confirmed, as far as that is known. */
  readonly isKept: IsKept;
}

/** A settled message: what was asked of the server, and when it comes again if it does. */
export interface Settled {
  readonly as: Count;
  readonly againInMs?: number;
  /** It was acked or termed. @default false */
  readonly isFinal?: boolean;
}

/** As what a message that stays in its stream counts. */
interface Leaving {
  /** Where it comes again. */
  readonly again: "retried" | "deadLettered";
  /** Where this was its last delivery. @default as otherwise */
  readonly last?: "exhausted" | "deadLettered";
  readonly otherwise: "exhausted" | "deadLettered";
}

const ACKED: Settled = { as: "acked", isFinal: true };
// How long a message waits that must stay in its stream, and that nothing else takes out of the way:
// as long as the server can. It counts against max ack pending meanwhile.
const PARK_MS = 365 * 24 * 3_600_000;
// The server brings nothing back after the last delivery, and only then stops counting it.
const LAST_MS = 100;

/** Settles messages by how their turn ended. */
export class Settler {
  readonly #parts: SettlerParts;

  constructor(parts: SettlerParts) {
    this.#parts = parts;
  }

  /** The way of almost every message: nothing to parse, nothing to decide. */
  ack(msg: RawMessage): Settled {
    this.#parts.outbox.ack(msg);
    return ACKED;
  }

  /**
   * Settles. Returns a promise, which never rejects, only where something must be known or confirmed first.
   */
  settle(msg: RawMessage, message: DeliveredMessage, end: TurnEnd): Settled | Promise<Settled> {
    if (end.kind === "ack") return this.ack(msg);
    const { consumer, options } = this.#parts;
    // Only the consumer knows which delivery is the last, and a nak of that one gives the message
    // away: so ask, then act.
    if (options.deadLetter && !consumer.answer)
      return consumer.answered.then(() => this.#decide(msg, message, end));
    return this.#decide(msg, message, end);
  }

  /** Whether the server makes no delivery of the message after this one. */
  isLast(message: DeliveredMessage): boolean {
    const max = this.#parts.consumer.facts?.maxDeliver;
    return max !== undefined && message.deliveryCount >= max;
  }

  #decide(msg: RawMessage, message: DeliveredMessage, end: TurnEnd): Settled | Promise<Settled> {
    const { deadLetter } = this.#parts.options;
    const max = this.#parts.consumer.facts?.maxDeliver;
    const deadLetterAfter = deadLetter && (deadLetter.maxDeliveries ?? max ?? Number.POSITIVE_INFINITY);
    const deliveries = { count: message.deliveryCount, max, deadLetterAfter };
    return this.#act(msg, message, decide(end, deliveries, this.#retryDelay));
  }

  #act(msg: RawMessage, message: DeliveredMessage, action: Action): Settled | Promise<Settled> {
    switch (action.op) {
      case "ack":
        return this.ack(msg);
      case "nak":
        return this.#nak(msg, message, action.waitMs, action.as);
      case "discard":
        return this.#discard(msg, message, action.reason);
      default:
        return action satisfies never;
    }
  }

  #nak(
    msg: RawMessage,
    message: DeliveredMessage,
    waitMs: number,
    as: "retried" | "released" | "exhausted",
  ): Settled {
    const { outbox, consumer, journal } = this.#parts;
    if (as === "exhausted") {
      journal.note("deliveries-exhausted", message.id);
      outbox.nak(msg, LAST_MS, as);
      return { as };
    }
    if (consumer.answer?.kind === "unknown") journal.note("max-deliver-unknown", message.id);
    const backoffMs = consumer.facts?.backoffMs ?? [];
    // Only backoff makes the delivery count matter, and only then is it read.
    const delayMs = backoffMs.length > 0 ? delayOnWire(waitMs, message.deliveryCount, backoffMs) : waitMs;
    outbox.nak(msg, delayMs, as);
    return { as, againInMs: waitMs };
  }

  #discard(msg: RawMessage, message: DeliveredMessage, reason: string): Settled | Promise<Settled> {
    const { options, outbox, journal } = this.#parts;
    const { deadLetter } = options;
    const copy = deadLetter && readCopy(message);
    // By its subject, too: headers alone are any publisher's to write.
    if (deadLetter && !copy && message.subject === deadLetter.subject && isOwnDeadLetter(message)) {
      // It came from here, and another copy would come back here: one generation after the other.
      journal.note("dead-letter-loop", message.id);
      return this.#leave(msg, message, { again: "retried", otherwise: "exhausted" });
    }
    if (deadLetter) return this.#deadLetter(msg, message, copy?.reason ?? reason, deadLetter.subject, copy);
    outbox.term(msg, "rejected");
    return { as: "rejected", isFinal: true };
  }

  async #deadLetter(
    msg: RawMessage,
    message: DeliveredMessage,
    reason: string,
    subject: string,
    copy: Copy | undefined,
  ): Promise<Settled> {
    const { publisher, outbox, reserve, consumer, journal, seed, deadline, isKept } = this.#parts;
    const isLast = this.isLast(message);
    try {
      const { form, dropped, ack } = await publishDeadLetter(publisher, subject, message, reason, {
        by: deadline,
        // Of a copy there can be another: it must not hold up the messages behind it.
        persist: isLast && !copy,
        of: copy,
        isBodyless: consumer.facts?.headersOnly !== false && lacksBody(message),
        key: { seed, created: consumer.facts?.created },
        isKept,
      });
      if (dropped.length > 0) journal.note("headers-dropped", `${message.id} (${dropped.join(", ")})`);
      if (form === "stub") {
        journal.note("dead-letter-stub", message.id);
        return await this.#stub(msg, message, reason, ack.duplicate);
      }
    } catch (error) {
      journal.note("dead-letter-failed", error instanceof Error ? error.message : String(error));
      if (mayBeStored(error)) journal.note("dead-letter-unconfirmed", message.id);
      if (!isLast) {
        const attempts = message.deliveryCount + (copy?.deliveries ?? 0);
        return this.#nak(msg, message, this.#retryDelay(attempts), "retried");
      }
      reserve.add({ msg, message, reason, of: copy });
      return { as: "retried" };
    }
    journal.deadLetter(reason);
    outbox.term(msg, "deadLettered");
    return { as: "deadLettered", isFinal: true };
  }

  /**
   * Settles a message that must stay in its stream, because only a stub points at it or because it is
   * a dead letter itself. A term takes it out of a work queue; so, where that may be one, it comes
   * again until its deliveries are used up. Only without a max deliver it waits: whoever may publish
   * so many could fill max ack pending, and stop the consumer.
   */
  async #leave(msg: RawMessage, message: DeliveredMessage, as: Leaving): Promise<Settled> {
    const { outbox, consumer, journal, staysWhenTermed } = this.#parts;
    if (this.isLast(message)) {
      const counted = as.last ?? as.otherwise;
      outbox.nak(msg, LAST_MS, counted);
      return { as: counted };
    }
    const stays = await staysWhenTermed();
    if (!stays && consumer.facts?.maxDeliver !== undefined) {
      const againInMs = this.#retryDelay(message.deliveryCount);
      outbox.nak(msg, againInMs, as.again);
      return { as: as.again, againInMs };
    }
    if (stays) {
      outbox.term(msg, as.otherwise);
    } else {
      journal.note("dead-letter-parked", message.id);
      outbox.nak(msg, PARK_MS, as.otherwise);
    }
    return { as: as.otherwise, isFinal: stays };
  }

  /** A stub has its PubAck. One that was there before is counted where it was made. */
  #stub(msg: RawMessage, message: DeliveredMessage, reason: string, wasThere: boolean): Promise<Settled> {
    const again = wasThere && message.redelivered ? "retried" : "deadLettered";
    const last = again === "retried" ? "exhausted" : "deadLettered";
    if (again === "deadLettered") this.#parts.journal.deadLetter(reason);
    return this.#leave(msg, message, { again, last, otherwise: "deadLettered" });
  }

  /**
   * The drain's own pacing; where that fails, the default one: a message must not hang on a mistake
   * in a formula.
   */
  readonly #retryDelay: RetryDelay = (deliveryCount) => {
    const { options, journal } = this.#parts;
    try {
      const delayMs = options.retryDelay?.(deliveryCount);
      // An async one gives no number, and its rejection would be nobody's.
      if (typeof delayMs === "object") Promise.resolve(delayMs).catch(() => {});
      if (delayMs !== undefined && Number.isFinite(delayMs)) return Math.max(0, delayMs);
      if (options.retryDelay) journal.note("retry-delay-failed", `gave ${delayMs}`);
    } catch {
      journal.note("retry-delay-failed", "threw");
    }
    return exponentialDelay(deliveryCount, Math.random());
  };
}
