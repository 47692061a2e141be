// Watches a drain's functions from around them, for what a settlement on the wire does not say: why
// a message was rejected, and whether a handler had it at all.
import type { BatchHandler } from "../handle/batch-pool.ts";
import { type Handler, isThenable } from "../handle/handler.ts";
import type { Message } from "../message/message.ts";
import type { AnyOptions } from "../options.ts";
import { exponentialDelay, isSettlement, settlementOfError } from "../settle/settlement.ts";

/** What was seen of a message. */
export interface Seen {
  /** A handler got it: it is not released any more. */
  started: boolean;
  /** Set when the handler rejected it. */
  reason?: string;
  /** Set when the handler threw something that is no settlement. */
  error?: unknown;
}

export class HandlerWatch {
  readonly #seen = new Map<number, Seen>();

  /** Of the message with that sequence. */
  seen(sequence: number): Seen {
    const seen = this.#seen.get(sequence) ?? { started: false };
    this.#seen.set(sequence, seen);
    return seen;
  }

  /** The same options, watched; the default pacing gets its jitter from `random`. */
  around<Env>(options: AnyOptions<Env>, random: () => number): AnyOptions<Env> {
    const { handler, batchHandler, retryDelay, onError } = options;
    const watched = {
      ...options,
      retryDelay: retryDelay ?? ((deliveryCount: number) => exponentialDelay(deliveryCount, random())),
      // Called for what `orderBy` throws, too.
      onError: (error: unknown, message: Message<unknown>) => {
        Object.assign(this.seen(message.sequence), { error, started: true });
        onError?.(error, message);
      },
      // Whatever else they are is for defineDrain() to complain about.
      ...(typeof handler === "function" ? { handler: this.#watchOne(handler) } : {}),
      ...(typeof batchHandler === "function" ? { batchHandler: this.#watchBatch(batchHandler) } : {}),
    };
    return watched as AnyOptions<Env>; // a handler takes the place of a handler, and of nothing else
  }

  #watchOne<Env>(handler: Handler<Env, unknown>): Handler<Env, unknown> {
    return (message, context) => {
      const seen = this.seen(message.sequence);
      seen.started = true;
      const note = (end: unknown): void => noteReason(seen, end);
      return tap(() => handler(message, context), note);
    };
  }

  #watchBatch<Env>(batchHandler: BatchHandler<Env, unknown>): BatchHandler<Env, unknown> {
    return (messages, context) => {
      const seen = messages.map(({ sequence }) => this.seen(sequence));
      for (const each of seen) each.started = true;
      const note = (end: unknown): void => {
        for (const [at, each] of seen.entries()) noteReason(each, Array.isArray(end) ? end[at] : end);
      };
      return tap(() => batchHandler(messages, context), note);
    };
  }
}

function noteReason(seen: Seen, end: unknown): void {
  const settlement = isSettlement(end) ? end : settlementOfError(end);
  if (settlement?.kind === "reject") seen.reason = settlement.reason;
}

/** Calls, and tells what was returned or thrown; a handler that returns no promise stays one. */
function tap<T>(call: () => T, note: (end: unknown) => void): T {
  try {
    const result = call();
    if (isThenable(result)) result.then(note, note);
    else note(result);
    return result;
  } catch (error) {
    note(error);
    throw error;
  }
}
