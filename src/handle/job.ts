// One message on its way through a pool: its handler's call, and the end of its time.
import type { Msg } from "@nats-io/nats-core";
import { clampDelay, type Deadline } from "../deadline.ts";
import { DeliveredMessage } from "../message/message.ts";
import type { ObservedMessage, Observer } from "../observe/observer.ts";
import { type Handler, type HandlerContext, handlerDeadline, timeIsUp } from "./handler.ts";

interface CallParts<Env> {
  readonly handler: Handler<Env, unknown>;
  readonly context: HandlerContext<Env>;
  readonly deadline: Deadline;
  readonly handlerTimeoutMs: number | undefined;
  readonly observer: Observer | undefined;
}

export class Job {
  readonly msg: Msg;
  readonly message: DeliveredMessage;
  startedAt = 0;
  /** Set while something must be confirmed before it is settled. */
  settling: Promise<void> | undefined;
  observed: ObservedMessage | undefined;
  #abort: AbortController | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(msg: Msg) {
    this.msg = msg;
    this.message = new DeliveredMessage(msg);
  }

  /** Calls the handler, with a signal and a context of its own where it has a timeout or is observed. */
  call<Env>(parts: CallParts<Env>, overdue: () => void): ReturnType<Handler<Env, unknown>> {
    const { handler, handlerTimeoutMs, observer } = parts;
    this.observed = observer?.message?.(this.message);
    const { run, headers } = this.observed ?? {};
    let { context } = parts;
    if (headers) context = { ...context, headers };
    if (handlerTimeoutMs !== undefined) {
      this.#abort = new AbortController();
      this.#timer = setTimeout(overdue, clampDelay(handlerTimeoutMs));
      const deadline = handlerDeadline(parts.deadline, handlerTimeoutMs);
      context = { ...context, signal: this.#abort.signal, deadline };
    }
    return run ? run(() => handler(this.message, context)) : handler(this.message, context);
  }

  stopTimer(): void {
    if (this.#timer !== undefined) clearTimeout(this.#timer);
  }

  /** Tells its handler that nobody waits for it any more. */
  giveUp(): void {
    this.#abort?.abort(timeIsUp());
  }
}
