// Sends settlements, and counts what the server confirmed: the connected server, by a PING after them, or the consumer's leader,
// by its own answer to each.
import type { Msg } from "@nats-io/nats-core";
import { timer } from "./clock.ts";
import type { LeaderReceipts } from "./receipts.ts";

/** The counter that a settled message falls into once the server confirmed it. */
export type SettledAs = "acked" | "retried" | "rejected" | "deadLettered" | "released";

const ACK = new TextEncoder().encode("+ACK");
const TERM = new TextEncoder().encode("+TERM");
const IN_PROGRESS = new TextEncoder().encode("+WPI");
// A nak without a delay comes back within a millisecond, and burns every delivery of a message in a few of them.
const LEAST_DELAY_MS = 1;
// The server reads nanoseconds into 63 bits; a year is far from their end and from any wish.
const LONGEST_DELAY_MS = 365 * 24 * 3_600_000;

// So many settlements wait for one PONG at most: it bounds what a broken connection leaves in doubt, and the memory.
const CONFIRM_EVERY = 4_096;

/** Settlements on their way, in the order they were sent. */
interface Sent {
  readonly replies: string[];
  readonly as: SettledAs[];
}

interface Outgoing {
  readonly msg: Msg;
  readonly payload: Uint8Array | string;
  readonly as: SettledAs;
}

/** How the server's word is had. */
export interface Confirmation {
  /** Resolves to whether everything sent before has reached the connected server, and what it refused is known. */
  readonly flush: () => Promise<boolean>;
  /** Set: the consumer's leader must answer each settlement. Resolves when it has, or will not in time. */
  readonly leader?: { readonly receipts: LeaderReceipts; readonly all: () => Promise<void> } | undefined;
}

// A settlement goes out with the others of its turn of the event loop, or with so many: nats-core flushes in a microtask,
// so handlers that end in microtasks of their own would each cost a WebSocket frame, which is most of a message's price.
const POST_EVERY = 256;

/** Sends settlements, and counts each only when the server has it. */
export class Settler {
  readonly #confirmation: Confirmation;
  readonly #denied = new Set<string>();
  #confirming: Promise<void>[] = [];
  #outbox: Outgoing[] = [];
  #turn: ReturnType<typeof timer> | undefined;
  #sent: Sent = { replies: [], as: [] };
  readonly #confirmed: Record<SettledAs, number> = { acked: 0, retried: 0, rejected: 0, deadLettered: 0, released: 0 };

  constructor(confirmation: Confirmation) {
    this.#confirmation = confirmation;
  }

  ack(msg: Msg): void {
    this.#send(msg, ACK, "acked");
  }

  /** Asks for another delivery after `delayMs`, at least a millisecond. */
  nak(msg: Msg, delayMs: number, as: "retried" | "released"): void {
    const clamped = Math.min(Math.max(LEAST_DELAY_MS, delayMs || 0), LONGEST_DELAY_MS);
    const delay = Math.round(clamped * 1_000_000);
    this.#send(msg, `-NAK {"delay":${delay}}`, as);
  }

  /** Plain: nats-server before 2.10.4 ignores a +TERM that has a reason. */
  term(msg: Msg, as: "rejected" | "deadLettered"): void {
    this.#send(msg, TERM, as);
  }

  /** Restarts the message's ack wait. Settles nothing. */
  inProgress(msg: Msg): void {
    msg.respond(IN_PROGRESS);
  }

  /** The server refused a publish to this ack subject: what was sent there settled nothing. */
  denied(subject: string): void {
    this.#denied.add(subject);
  }

  /** Resolves when the server's word on everything sent is known, or is known not to come. */
  async confirm(): Promise<void> {
    // What is settled while a PONG is on its way, as a late delivery that is released, needs another.
    do {
      this.#confirmSent();
      const confirming = this.#confirming;
      this.#confirming = [];
      await Promise.all(confirming);
      await this.#confirmation.leader?.all();
    } while (this.#sent.replies.length > 0);
  }

  /** Settlements that the server has. */
  get confirmed(): Readonly<Record<SettledAs, number>> {
    return { ...this.#confirmed };
  }

  #send(msg: Msg, payload: Uint8Array | string, as: SettledAs): void {
    this.#outbox.push({ msg, payload, as });
    this.#sent.replies.push(msg.reply ?? "");
    this.#sent.as.push(as);
    if (this.#sent.replies.length >= CONFIRM_EVERY) this.#confirmSent();
    else if (this.#outbox.length >= POST_EVERY) this.#post();
    else this.#postSoon();
  }

  #postSoon(): void {
    if (this.#turn) return;
    this.#turn = timer(0);
    void this.#turn.fired.then(() => this.#post());
  }

  #post(): void {
    this.#turn?.cancel();
    this.#turn = undefined;
    const outbox = this.#outbox;
    this.#outbox = [];
    const { leader } = this.#confirmation;
    for (const { msg, payload, as } of outbox) {
      if (leader) msg.respond(payload, { reply: leader.receipts.expect(() => this.#receive(as)) });
      else msg.respond(payload);
    }
  }

  #confirmSent(): void {
    this.#post();
    const sent = this.#sent;
    if (sent.replies.length === 0) return;
    this.#sent = { replies: [], as: [] };
    this.#confirming.push(this.#confirmation.flush().then((reached) => (reached ? this.#count(sent) : undefined)));
  }

  #receive(as: SettledAs): void {
    this.#confirmed[as] += 1;
  }

  /** What the connected server has, unless only the leader's word counts. */
  #count({ replies, as }: Sent): void {
    if (this.#confirmation.leader) return;
    for (const [at, settledAs] of as.entries()) {
      if (this.#denied.size > 0 && this.#denied.has(replies[at] ?? "")) continue;
      this.#confirmed[settledAs] += 1;
    }
  }
}
