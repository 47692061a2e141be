// Sends settlements, and counts what the consumer's leader confirmed. Only its answer counts: the
// connected server takes acks for a consumer that is gone, and answers a PING behind them all the
// same. The leader has every settlement of a connection in their order, so that its answer to the
// last one of a stretch stands for the whole stretch.
import { type Payload, payload, publication } from "../connection/protocol.ts";
import { type Deadline, NANOS_PER_MS, now, timer } from "../deadline.ts";
import { parseAckSubject } from "../message/ack-subject.ts";
import type { RawMessage } from "../message/received.ts";
import type { Receipts } from "./receipts.ts";
import { ACK, type Count, isFinal, isNak, NAK, Sent, type Settlement, TERM } from "./sent.ts";
import { RELEASE_MS } from "./settlement.ts";

const NONE: Readonly<Record<Count, number>> = {
  acked: 0,
  retried: 0,
  rejected: 0,
  deadLettered: 0,
  released: 0,
  exhausted: 0,
};

const IN_PROGRESS = payload("+WPI");
// A nak without a delay comes back within a millisecond, and uses up every delivery of a message in
// a few of them.
const MIN_DELAY_MS = 1;
// The server reads nanoseconds into 63 bits; a year is far from their end and from any wish.
const MAX_DELAY_MS = 365 * 24 * 3_600_000;
// What is given back for the next drain is due again when this one ends: one that starts at once would
// take what is behind it. The server's own timers take a little longer.
const DUE_MARGIN_MS = 10;

// So many settlements wait for one answer at most: it bounds what a broken connection leaves in
// doubt, and the memory.
const CONFIRM_EVERY = 4_096;

// A settlement goes out with the others of so many milliseconds, or with so many others, as one text
// in one WebSocket frame. `msg.respond` would encode, queue and copy each by itself, which is a
// fifth of a drain's CPU time (20,000 x 128 B); a frame and a timer each cost a tenth of forwarding's.
export const POST_EVERY = 256;
const POST_AFTER_MS = 10;

export interface OutboxParts {
  /** Sends text of the NATS protocol, ahead of any PING that follows. */
  readonly write: (protocol: string) => void;
  /**
   * Resolves when the connected server has read all of it, or at the deadline: what it refused is known then.
   */
  readonly flush: (deadline: Deadline) => Promise<boolean>;
  readonly receipts: Receipts;
  /** Whether nothing can be sent any more. */
  readonly isClosed: () => boolean;
  /**
   * Whether the server may wait for a settlement before it delivers another message (max_ack_pending).
   */
  readonly isAwaited: () => boolean;
  /** Ask the leader for each settlement, not for the last of a stretch. */
  readonly confirmEach: boolean;
}

/** Sends settlements, and counts each only when the leader has it. */
export class Outbox {
  readonly #parts: OutboxParts;
  readonly #denied = new Set<string>();
  /** Deliveries that one settlement stands for, by its ack subject, where they are several. */
  readonly #deliveries = new Map<string, number>();
  #waiting: Settlement[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Sent since the leader was last asked. */
  #stretch: Settlement[] = [];
  /** As much of it as one answer may stand for. */
  readonly #sent = new Sent(CONFIRM_EVERY);
  readonly #confirmed: Record<Count, number> = { ...NONE };
  #disowned: Readonly<Record<Count, number>> | undefined;
  /** When all that was given back for the next drain is due. */
  #dueAt: Deadline = 0;
  /** When the first and the last settlement were sent, on the monotonic clock. */
  firstSentAt: number | undefined;
  lastSentAt: number | undefined;

  constructor(parts: OutboxParts) {
    this.#parts = parts;
  }

  ack(msg: RawMessage): void {
    this.#send(msg, ACK, "acked");
  }

  /** Asks for another delivery after `delayMs`, at least a millisecond. */
  nak(msg: RawMessage, delayMs: number, as: Count): void {
    const clamped = Math.min(Math.max(MIN_DELAY_MS, delayMs || 0), MAX_DELAY_MS);
    if (clamped <= RELEASE_MS) this.#dueAt = now() + clamped + DUE_MARGIN_MS;
    this.#send(msg, payload(`${NAK} {"delay":${Math.round(clamped * NANOS_PER_MS)}}`), as);
  }

  /** Plain: nats-server before 2.10.4 ignores a +TERM that has a reason. */
  term(msg: RawMessage, as: Exclude<Count, "acked" | "released">): void {
    this.#send(msg, TERM, as);
  }

  /** Restarts the messages' ack wait. Settles nothing. */
  inProgress(messages: readonly RawMessage[]): void {
    if (messages.length === 0) return;
    const subjects = messages.map(({ reply }) => publication(reply ?? "", IN_PROGRESS));
    this.#parts.write(subjects.join(""));
  }

  /** The server refused a publish to this ack subject: what was sent there settled nothing. */
  denied(subject: string): void {
    this.#denied.add(subject);
  }

  /** What it has acked or termed lately: all that the leader has not confirmed, and the last that it has. */
  finished(): readonly Settlement[] {
    return [...this.#sent.all, ...this.#stretch, ...this.#waiting].filter(isFinal);
  }

  /** Settles another delivery of a message that was acked or termed. */
  finish(msg: RawMessage, as: Count): void {
    this.#send(msg, as === "acked" ? ACK : TERM, as);
  }

  /** What is sent to this ack subject settles so many deliveries of one message, and counts as often. */
  standsFor(subject: string, deliveries: number): void {
    this.#deliveries.set(subject, deliveries);
  }

  /**
   * Resolves when every settlement is confirmed or can no longer be, by `deadline` at the latest.
   *
   * @param moreMayCome deliveries may be on their way: the server is heard out, and they are settled
   * too. `@default` false
   */
  async confirm(deadline: Deadline, moreMayCome = false): Promise<void> {
    const { flush, receipts } = this.#parts;
    let isHeardOut = !moreMayCome;
    // What is settled while an answer is on its way, as a late delivery that is released, needs another.
    while (!isHeardOut || this.#waiting.length + this.#stretch.length > 0 || receipts.open > 0) {
      isHeardOut = true;
      this.#post(true);
      await Promise.all([flush(deadline), receipts.all(deadline)]);
      if (now() >= deadline || this.#parts.isClosed()) return;
    }
    const dueMs = Math.min(this.#dueAt, deadline) - now();
    if (dueMs > 0) await timer(dueMs).fired;
  }

  /**
   * The consumer may have another leader than it had: the new one's answer stands for nothing that went
   * to the old one, or to nobody meanwhile (seen on 2.15.1: 8 of 40 acks). Sends acks and terms of
   * messages above a stream sequence once more, which are answered also then, and counts none of them
   * that is not. A nak needs none of it: its message comes again.
   */
  async repeat(deadline: Deadline, above: number): Promise<void> {
    // Of each one that it was asked about the leader has said what it has.
    if (above === Number.POSITIVE_INFINITY || this.#parts.confirmEach) return;
    const { flush, receipts, write, isClosed } = this.#parts;
    const again = this.#sent.confirmed
      .filter(isFinal)
      .filter(({ subject }) => parseAckSubject(subject).sequence > above);
    if (again.length === 0 || isClosed()) return;
    let isHeard = false;
    const reply = receipts.expect((confirmed) => {
      isHeard = confirmed;
    });
    const last = again.length - 1;
    write(
      again
        .map((each, at) => publication(each.subject, each.payload, at === last ? reply : undefined))
        .join(""),
    );
    await Promise.all([flush(deadline), receipts.all(deadline)]);
    if (!isHeard) this.#count(again, -1);
  }

  /**
   * Max deliver was lowered to this, so a nak of a delivery from that on brings nothing back: such
   * count as exhausted. To the messages' sequences.
   */
  exhaust(max: number): number[] {
    const latest = new Map(
      this.#sent.confirmed.map((each) => [parseAckSubject(each.subject).sequence, each]),
    );
    const gone = [...latest].filter(
      ([, each]) =>
        isNak(each) && each.as !== "exhausted" && parseAckSubject(each.subject).deliveryCount >= max,
    );
    for (const [, each] of gone) {
      this.#count([each], -1);
      this.#count([{ ...each, as: "exhausted" }], 1);
    }
    return gone.map(([sequence]) => sequence);
  }

  /**
   * Its answers came from another consumer: nothing of what was sent is known to be settled. Or the
   * consumer is gone, and what is known is what was confirmed before.
   */
  disown(known: Readonly<Record<Count, number>> = NONE): void {
    this.#disowned = known;
  }

  /** Whether the server said of some that nobody takes them. */
  get isUnheard(): boolean {
    return this.#parts.receipts.unheard;
  }

  /** Settlements that the leader has. */
  get confirmed(): Readonly<Record<Count, number>> {
    return { ...(this.#disowned ?? this.#confirmed) };
  }

  #send(msg: RawMessage, payload: Payload, as: Count): void {
    this.#waiting.push({ subject: msg.reply ?? "", payload, as });
    if (this.#waiting.length >= POST_EVERY) this.#post(false);
    else this.#postSoon();
  }

  #postSoon(): void {
    if (this.#timer !== undefined) return;
    const delayMs = this.#parts.isAwaited() ? 0 : POST_AFTER_MS;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#post(false);
    }, delayMs);
  }

  /** @param last nothing follows for now: the leader is asked about all that it was not asked about yet */
  #post(last: boolean): void {
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#timer = undefined;
    const waiting = this.#waiting;
    this.#waiting = [];
    if (waiting.length > 0) {
      this.lastSentAt = now();
      this.firstSentAt ??= this.lastSentAt;
    }
    // A nak is asked about when it goes out, for it cannot be sent again: its message may be under
    // way to another drain.
    const lastNak = waiting.findLastIndex(isNak);
    const end = last ? waiting.length - 1 : -1;
    let protocol = "";
    let at = 0;
    for (const each of waiting) {
      this.#stretch.push(each);
      const isEnd = this.#stretch.length >= CONFIRM_EVERY || at === lastNak || at === end;
      const ask = this.#parts.confirmEach || isEnd;
      protocol += publication(each.subject, each.payload, ask ? this.#expect() : undefined);
      at += 1;
    }
    // All had gone out before. An ack, or a term, is answered also when it comes a second time.
    const sent = this.#stretch.at(-1);
    if (last && sent) protocol += publication(sent.subject, sent.payload, this.#expect());
    if (protocol !== "") this.#parts.write(protocol);
  }

  /** A reply subject whose answer confirms the stretch that ends here. */
  #expect(): string {
    const stretch = this.#stretch;
    this.#stretch = [];
    this.#sent.ask(stretch);
    return this.#parts.receipts.expect((confirmed) => {
      this.#sent.answered(stretch, confirmed);
      if (confirmed) this.#count(stretch, 1);
    });
  }

  #count(stretch: readonly Settlement[], times: 1 | -1): void {
    // They have something in them next to never, and hashing every subject is 4 % of a drain's
    // CPU time (20,000 x 128 B).
    const all = this.#denied.size + this.#deliveries.size === 0;
    for (const { subject, as } of stretch) {
      if (all) this.#confirmed[as] += times;
      else if (!this.#denied.has(subject))
        this.#confirmed[as] += times * (this.#deliveries.get(subject) ?? 1);
    }
  }
}
