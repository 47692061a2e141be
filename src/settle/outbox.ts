// Sends settlements, and counts what the server confirmed: the connected server, by a PING after them, or the consumer's leader,
// by its own answer to each.
import type { Msg } from "@nats-io/nats-core";
import { NANOS_PER_MS, timer } from "../deadline.ts";
import type { LeaderReceipts } from "./receipts.ts";

/** The counter that a settled message falls into once the server confirmed it. */
export type SettledAs = "acked" | "retried" | "rejected" | "deadLettered" | "released" | "exhausted";

const ACK = "+ACK";
const TERM = "+TERM";
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
  /** ASCII. */
  readonly payload: string;
  readonly as: SettledAs;
}

/** How the leader's word is had: a reply subject for each settlement, and a wait for the answers that ends in time. */
export interface LeaderConfirmation {
  readonly receipts: LeaderReceipts;
  readonly all: () => Promise<void>;
}

// A settlement goes out with the others of its turn of the event loop, or with so many, as one text in one WebSocket frame.
// `msg.respond` would encode, queue and copy each by itself, which is a fifth of a drain's CPU time (20,000 x 128 B).
const POST_EVERY = 256;

/** Sends settlements, and counts each only when the server has it. */
export class Settler {
  /** Resolves to whether everything sent before has reached the connected server, and what it refused is known. */
  readonly #flush: () => Promise<boolean>;
  /** Sends text of the NATS protocol, ahead of any PING that follows. */
  readonly #write: (protocol: string) => void;
  #leader: LeaderConfirmation | undefined;
  readonly #denied = new Set<string>();
  #confirming: Promise<void>[] = [];
  #outbox: Outgoing[] = [];
  #turn: ReturnType<typeof timer> | undefined;
  #sent: Sent = { replies: [], as: [] };
  /** Something was sent since the server was last asked. */
  #unasked = false;
  readonly #confirmed: Record<SettledAs, number> = {
    acked: 0,
    retried: 0,
    rejected: 0,
    deadLettered: 0,
    released: 0,
    exhausted: 0,
  };

  constructor(flush: () => Promise<boolean>, write: (protocol: string) => void) {
    this.#flush = flush;
    this.#write = write;
  }

  ack(msg: Msg): void {
    this.#send(msg, ACK, "acked");
  }

  /** Asks for another delivery after `delayMs`, at least a millisecond. */
  nak(msg: Msg, delayMs: number, as: "retried" | "released"): void {
    const clamped = Math.min(Math.max(LEAST_DELAY_MS, delayMs || 0), LONGEST_DELAY_MS);
    const delay = Math.round(clamped * NANOS_PER_MS);
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

  /** From now on the consumer's leader must answer each settlement, because the connected server's word is not enough. */
  askLeader(confirmation: () => LeaderConfirmation): void {
    this.#leader ??= confirmation();
  }

  /** Resolves when the server's word on everything sent is known, or is known not to come. */
  async confirm(): Promise<void> {
    // What is settled while an answer is on its way, as a late delivery that is released, needs another.
    do {
      this.#post();
      this.#confirmSent();
      const confirming = this.#confirming;
      this.#confirming = [];
      await Promise.all(confirming);
      await this.#leader?.all();
    } while (this.#outbox.length > 0 || this.#unasked || this.#confirming.length > 0);
  }

  /** Settlements that the server has. */
  get confirmed(): Readonly<Record<SettledAs, number>> {
    return { ...this.#confirmed };
  }

  #send(msg: Msg, payload: string, as: SettledAs): void {
    this.#outbox.push({ msg, payload, as });
    if (this.#outbox.length >= POST_EVERY) this.#post();
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
    let protocol = "";
    for (const { msg, payload, as } of outbox) {
      const subject = msg.reply ?? "";
      let receipt = "";
      if (this.#leader) {
        receipt = ` ${this.#leader.receipts.expect(() => this.#receive(as))}`;
      } else {
        this.#sent.replies.push(subject);
        this.#sent.as.push(as);
      }
      protocol += `PUB ${subject}${receipt} ${payload.length}\r\n${payload}\r\n`;
    }
    if (protocol === "") return;
    this.#write(protocol);
    this.#unasked = true;
    if (this.#sent.replies.length >= CONFIRM_EVERY) this.#confirmSent();
  }

  #confirmSent(): void {
    this.#unasked = false;
    const sent = this.#sent;
    if (sent.replies.length === 0) {
      // What the leader is asked goes out with a PING all the same: its answer brings what the server refused.
      if (this.#leader) this.#confirming.push(this.#flush().then(() => undefined));
      return;
    }
    this.#sent = { replies: [], as: [] };
    this.#confirming.push(this.#flush().then((reached) => (reached ? this.#count(sent) : undefined)));
  }

  #receive(as: SettledAs): void {
    this.#confirmed[as] += 1;
  }

  #count({ replies, as }: Sent): void {
    for (const [at, settledAs] of as.entries()) {
      if (this.#denied.size > 0 && this.#denied.has(replies[at] ?? "")) continue;
      this.#confirmed[settledAs] += 1;
    }
  }
}
