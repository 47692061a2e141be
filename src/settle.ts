// Settling: what a handler's result means (pure), and the counters of what the server confirmed.
import type { Msg } from "@nats-io/nats-core";
import { timer } from "./clock.ts";

/** What a handler may return. Nothing at all is an ack. */
export type Settlement =
  | { readonly kind: "ack" }
  | { readonly kind: "retry"; readonly delayMs?: number }
  | { readonly kind: "reject"; readonly reason: string };

/** The message is done; the same as returning nothing. */
export function ack(): Settlement {
  return { kind: "ack" };
}

/**
 * The message is to be delivered again, after `delayMs` milliseconds (from 0) or, without it, after the drain's `retryDelay`.
 *
 * @throws {RangeError} when `delayMs` is negative or not finite
 */
export function retry(options: { readonly delayMs?: number } = {}): Settlement {
  const { delayMs } = options;
  if (delayMs === undefined) return { kind: "retry" };
  if (!Number.isFinite(delayMs) || delayMs < 0) throw new RangeError(`delayMs: must be at least 0 ms, not ${delayMs}`);
  return { kind: "retry", delayMs };
}

/** The message will never succeed: to the dead-letter subject if there is one, and never delivered again. */
export function reject(reason: string): Settlement {
  return { kind: "reject", reason };
}

/** Milliseconds to wait before the next delivery of a message that was delivered `deliveryCount` times (1 is the first). */
export type RetryDelay = (deliveryCount: number) => number;

/** Exponential from 1 s, capped at 5 min, with equal jitter: between half and the whole. `random` is in [0, 1). */
export function exponentialDelay(deliveryCount: number, random: number): number {
  const whole = Math.min(300_000, 1_000 * 2 ** (Math.max(1, deliveryCount) - 1));
  return Math.round(whole / 2 + (whole / 2) * random);
}

/** What to do with a message. */
export type Action =
  | { readonly op: "ack" }
  | { readonly op: "nak"; readonly delayMs: number }
  /** Never deliver it again: through the dead-letter subject where there is one. */
  | { readonly op: "discard"; readonly reason: string };

export interface SettlePolicy {
  readonly retryDelay: RetryDelay;
  /** After this many deliveries a message that failed is discarded; undefined: never. */
  readonly lastDelivery: number | undefined;
}

/** What a handler's result asks for. */
export function decide(settlement: Settlement, deliveryCount: number, policy: SettlePolicy): Action {
  switch (settlement.kind) {
    case "ack":
      return { op: "ack" };
    case "reject":
      return { op: "discard", reason: settlement.reason };
    case "retry":
      if (policy.lastDelivery !== undefined && deliveryCount >= policy.lastDelivery) {
        return { op: "discard", reason: `failed ${deliveryCount} deliveries` };
      }
      return { op: "nak", delayMs: settlement.delayMs ?? policy.retryDelay(deliveryCount) };
    default:
      return settlement satisfies never;
  }
}

/** Whether a handler returned a settlement; anything else counts as nothing. */
export function isSettlement(value: unknown): value is Settlement {
  if (typeof value !== "object" || value === null || !("kind" in value)) return false;
  return value.kind === "ack" || value.kind === "retry" || value.kind === "reject";
}

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

// A settlement goes out with the others of its turn of the event loop, or with so many: nats-core flushes in a microtask,
// so handlers that end in microtasks of their own would each cost a WebSocket frame, which is most of a message's price.
const POST_EVERY = 256;

/** Sends settlements, and counts each only when the server has it. */
export class Settler {
  /** Resolves to whether everything sent before has reached the server. */
  readonly #flush: () => Promise<boolean>;
  readonly #denied = new Set<string>();
  #confirming: Promise<void>[] = [];
  #outbox: { readonly msg: Msg; readonly payload: Uint8Array | string }[] = [];
  #turn: ReturnType<typeof timer> | undefined;
  #sent: Sent = { replies: [], as: [] };
  readonly #confirmed: Record<SettledAs, number> = { acked: 0, retried: 0, rejected: 0, deadLettered: 0, released: 0 };

  constructor(flush: () => Promise<boolean>) {
    this.#flush = flush;
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
    } while (this.#sent.replies.length > 0);
  }

  /** Settlements that the server has. */
  get confirmed(): Readonly<Record<SettledAs, number>> {
    return { ...this.#confirmed };
  }

  #send(msg: Msg, payload: Uint8Array | string, as: SettledAs): void {
    this.#outbox.push({ msg, payload });
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
    for (const { msg, payload } of outbox) msg.respond(payload);
  }

  #confirmSent(): void {
    this.#post();
    const sent = this.#sent;
    if (sent.replies.length === 0) return;
    this.#sent = { replies: [], as: [] };
    this.#confirming.push(this.#flush().then((reached) => (reached ? this.#count(sent) : undefined)));
  }

  #count({ replies, as }: Sent): void {
    for (const [at, settledAs] of as.entries()) {
      if (this.#denied.size > 0 && this.#denied.has(replies[at] ?? "")) continue;
      this.#confirmed[settledAs] += 1;
    }
  }
}
