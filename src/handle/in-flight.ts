// A message may be delivered again while it is held, or while its ack or term is on the way: its ack wait
// was shorter than it was known to be, or the event loop was blocked. That is one more delivery of the
// same work, and no more work: it starts no second handler, and ends as the first does, or did.
import { type Deadline, now } from "../deadline.ts";
import { parseAckSubject } from "../message/ack-subject.ts";
import { DeliveredMessage } from "../message/message.ts";
import type { RawMessage } from "../message/received.ts";
import type { Journal } from "../report/journal.ts";
import type { Outbox } from "../settle/outbox.ts";
import type { Count } from "../settle/sent.ts";
import type { Settled } from "../settle/settler.ts";
import { type HandlerEnd, isThenable, type Settle } from "./handler.ts";

/** So many ends are remembered at least: with twice as many, a long drain's memory does not grow. */
const MAX_FINISHED = 4_096;

interface InFlightParts {
  readonly stream: string;
  readonly consumer: string;
  /** Every message that is held. */
  readonly held: () => readonly RawMessage[];
  readonly journal: Journal;
  readonly settle: Settle;
  readonly outbox: Pick<Outbox, "finish" | "finished" | "standsFor">;
  /** An ack wait has ended, at the longest so many milliseconds after its delivery. */
  readonly ackWaitEnded: (afterMs: number) => void;
}

interface Held {
  /** The latest delivery: what it settles is what the server counts by. */
  msg: RawMessage;
  deliveries: number;
  /** When the latest delivery came, at the earliest. */
  at: Deadline;
  settling: boolean;
}

/** A message that was acked or termed. */
interface Finished {
  /** When it had been stored: another may have its number. */
  readonly timestampNanos: string;
  readonly as: Count;
}

/** Knows which messages are held, from the first redelivery on: most drains have none. */
export class InFlight {
  readonly #parts: InFlightParts;
  /** What the ack subject of a first delivery has in it. */
  readonly #first: string;
  #bySequence: Map<number, Held> | undefined;
  /** What is being settled, where that takes time: it may have begun before anything was held here. */
  readonly #settling = new Set<RawMessage>();
  /** The messages that were acked or termed, by their sequences. */
  #finished = new Map<number, Finished>();
  /** Those before them. */
  #finishedBefore: ReadonlyMap<number, Finished> = new Map();
  /** When the first delivery of all came. */
  #since: Deadline | undefined;
  /** Deliveries so far that were no work to do. */
  repeated = 0;

  constructor(parts: InFlightParts) {
    this.#parts = parts;
    this.#first = `.${parts.stream}.${parts.consumer}.1.`;
  }

  /** Whether the delivery is work to do; false where its message is held already. */
  take(msg: RawMessage): boolean {
    this.#since ??= now();
    const { reply = "" } = msg;
    if (!this.#bySequence && reply.includes(this.#first)) return true;
    this.#bySequence ??= this.#index(this.#since);
    const at = now();
    const info = parseAckSubject(reply);
    const held = this.#bySequence.get(info.sequence);
    const { stream, outbox, journal, ackWaitEnded } = this.#parts;
    const known = this.#finished.get(info.sequence) ?? this.#finishedBefore.get(info.sequence);
    const finished = known?.timestampNanos === info.timestampNanos ? known : undefined;
    if (info.deliveryCount === 1 || !(held || finished)) {
      this.#bySequence.set(info.sequence, { msg, deliveries: 1, at, settling: false });
      return true;
    }
    this.repeated += 1;
    ackWaitEnded(at - (held?.at ?? this.#since));
    if (held) this.#again(held, msg, at);
    else if (finished) outbox.finish(msg, finished.as);
    journal.note("ack-wait-ended", `${stream}:${info.sequence}`);
    return false;
  }

  #again(held: Held, msg: RawMessage, at: Deadline): void {
    if (!held.settling) held.msg = msg;
    held.deliveries += 1;
    held.at = at;
    this.#parts.outbox.standsFor(held.msg.reply ?? "", held.deliveries);
  }

  /** Settles a message by its latest delivery. */
  settle(msg: RawMessage, message: DeliveredMessage, end: HandlerEnd): Settled | Promise<Settled> {
    const held = this.#bySequence?.get(message.sequence);
    if (held) held.settling = true;
    const latestMsg = held?.msg ?? msg;
    const again = latestMsg === msg ? message : latest(latestMsg, message);
    const settled = this.#parts.settle(latestMsg, again, end);
    if (!isThenable(settled)) return held ? this.#forget(message, settled) : settled;
    this.#settling.add(msg);
    return settled.then((done) => {
      this.#settling.delete(msg);
      return this.#forget(message, done);
    });
  }

  #forget({ sequence, timestampNanos }: DeliveredMessage, done: Settled): Settled {
    const isKnown = this.#bySequence?.delete(sequence);
    if (!isKnown || !done.isFinal) return done;
    this.#finished.set(sequence, { timestampNanos, as: done.as });
    if (this.#finished.size >= MAX_FINISHED) {
      this.#finishedBefore = this.#finished;
      this.#finished = new Map();
    }
    return done;
  }

  #index(at: Deadline): Map<number, Held> {
    for (const { subject, as } of this.#parts.outbox.finished()) {
      const { sequence, timestampNanos } = parseAckSubject(subject);
      this.#finished.set(sequence, { timestampNanos, as });
    }
    return new Map(
      this.#parts.held().map((msg) => {
        const { sequence } = parseAckSubject(msg.reply ?? "");
        return [sequence, { msg, deliveries: 1, at, settling: this.#settling.has(msg) }];
      }),
    );
  }
}

function latest(msg: RawMessage, message: DeliveredMessage): DeliveredMessage {
  const delivered = new DeliveredMessage(msg);
  delivered.setValue(message.value);
  return delivered;
}
