// What a handler's end means for its message and for the drain: errors told and counted, failures
// in a row added up.
import type { DeliveredMessage, Message } from "../message/message.ts";
import type { RawMessage } from "../message/received.ts";
import type { Journal } from "../report/journal.ts";
import type { TurnEnd } from "../settle/decide.ts";
import { causeOf, RELEASE_MS, retry, type Settlement, settlementOfError } from "../settle/settlement.ts";
import type { Settled, Settler } from "../settle/settler.ts";
import { BatchLengthError } from "./batch-pool.ts";
import type { HandlerEnd } from "./handler.ts";

/** Failures in a row: a throw, a timeout, a status that says that the target is down. */
export class FailureStreak {
  readonly #most: number;
  readonly #reached: () => void;
  #length = 0;
  #longestWaitMs: number | undefined;

  /** @param reached is called once `most` failures have come in a row */
  constructor(most: number = Number.POSITIVE_INFINITY, reached: () => void) {
    this.#most = most;
    this.#reached = reached;
  }

  /** Failures that are left before it is reached; infinite while the latest handler did not fail. */
  get left(): number {
    return this.#length === 0 ? Number.POSITIVE_INFINITY : this.#most - this.#length;
  }

  /** Longest wait that the target asked for, in milliseconds. */
  get longestWaitMs(): number | undefined {
    return this.#longestWaitMs;
  }

  fail(waitMs?: number): void {
    this.#length += 1;
    if (waitMs !== undefined) this.#longestWaitMs = Math.max(this.#longestWaitMs ?? 0, waitMs);
    if (this.#length === this.#most) this.#reached();
  }

  /** The target is there: it took a message, or refused one for what it is. */
  reset(): void {
    this.#length = 0;
  }
}

export interface EndsParts {
  readonly settler: Settler;
  readonly journal: Journal;
  readonly streak: FailureStreak;
  readonly onError: ((error: unknown, message: Message<unknown>) => void) | undefined;
}

/** Turns each handler's end into a settlement. */
export class HandlerEnds {
  readonly #parts: EndsParts;

  constructor(parts: EndsParts) {
    this.#parts = parts;
  }

  settle(msg: RawMessage, message: DeliveredMessage, end: HandlerEnd): Settled | Promise<Settled> {
    const settled = this.#parts.settler.settle(msg, message, this.#read(end, message));
    // After the settlement is on its way: reaching the limit stops the drain, which must not overtake it.
    this.#count(end);
    return settled;
  }

  #read(end: HandlerEnd, message: Message<unknown>): TurnEnd {
    switch (end.kind) {
      case "returned": {
        const cause = causeOf(end.settlement);
        if (cause) this.#tell(cause.error, message);
        return end.settlement;
      }
      case "threw":
        return settlementOfError(end.error) ?? this.#tell(end.error, message);
      case "overdue":
        return retry();
      case "cut":
        return { kind: "cut", waitMs: RELEASE_MS };
      case "released":
        return { kind: "release", waitMs: end.waitMs ?? RELEASE_MS };
      default:
        return end satisfies never;
    }
  }

  #count(end: HandlerEnd): void {
    const { streak } = this.#parts;
    if (end.kind === "overdue") streak.fail();
    if (end.kind === "threw") {
      const asked = settlementOfError(end.error);
      if (!asked) streak.fail();
      else if (asked.kind === "reject") streak.reset();
    }
    if (end.kind === "returned") {
      const { settlement } = end;
      if (end.failure) streak.fail(settlement.kind === "retry" ? settlement.delayMs : undefined);
      else if (settlement.kind !== "retry") streak.reset();
      else if (causeOf(settlement)) streak.fail();
    }
  }

  #tell(error: unknown, message: Message<unknown>): Settlement {
    const { journal, onError } = this.#parts;
    if (isBatchLength(error)) {
      journal.note("batch-result-invalid", error.message);
      return retry();
    }
    journal.note("handler-failed", `${nameOf(error)} on ${message.id}`);
    try {
      const told: unknown = onError?.(error, message);
      // A rejection that nobody waits for would end a Node process.
      Promise.resolve(told).catch(() => {});
    } catch {
      // A hook that fails must not take the message's settlement with it.
    }
    return retry();
  }
}

/** Anything can be thrown, also what throws when it is looked at. */
function nameOf(error: unknown): string {
  try {
    return error instanceof Error ? String(error.name) : typeof error;
  } catch {
    return typeof error;
  }
}

function isBatchLength(error: unknown): error is BatchLengthError {
  try {
    return error instanceof BatchLengthError;
  } catch {
    return false;
  }
}
