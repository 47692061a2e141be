// One message on its way through a pool: its handler's call, and the time that it has.
import type { Deadline } from "../deadline.ts";
import { DeliveredMessage } from "../message/message.ts";
import type { RawMessage } from "../message/received.ts";
import type { MessageEnd, ObservedMessage, Observer } from "../observe/observer.ts";
import type { Count } from "../settle/sent.ts";
import type { Settled } from "../settle/settler.ts";
import type { Handler } from "./handler.ts";
import type { HandlerTime } from "./handler-times.ts";

interface CallParts<Env> {
  readonly handler: Handler<Env, unknown>;
  readonly observer: Observer | undefined;
}

/** What an observer is told of each count. */
const SETTLEMENTS: Readonly<Record<Count, MessageEnd["settlement"]>> = {
  acked: "ack",
  retried: "retry",
  rejected: "reject",
  deadLettered: "dead-letter",
  released: "release",
  exhausted: "exhausted",
};

export class Job<Env> {
  readonly msg: RawMessage;
  readonly message: DeliveredMessage;
  startedAt = 0;
  /** Set while something must be confirmed before it is settled. */
  settling: Promise<void> | undefined;
  observed: ObservedMessage | undefined;
  /** What its handler threw, if it did. */
  error: unknown;
  /** The time of its handler, once that has been called. */
  time: HandlerTime<Env, Job<Env>> | undefined;

  constructor(msg: RawMessage) {
    this.msg = msg;
    this.message = new DeliveredMessage(msg);
  }

  /** Calls the handler, with a context of its own where it is observed. */
  call(
    { handler, observer }: CallParts<Env>,
    time: HandlerTime<Env, Job<Env>>,
  ): ReturnType<Handler<Env, unknown>> {
    this.time = time;
    this.observed = observer?.message?.(this.message);
    const { run, headers } = this.observed ?? {};
    const context = headers ? { ...time.context, headers } : time.context;
    return run ? run(() => handler(this.message, context)) : handler(this.message, context);
  }

  /** Tells its observer what became of it. */
  tellEnd({ as }: Settled, at: Deadline): void {
    const { error, startedAt } = this;
    this.observed?.end?.({ settlement: SETTLEMENTS[as], error, durationMs: at - startedAt });
  }
}
