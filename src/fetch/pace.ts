// The pace of a drain: how many messages the next pull request asks for. Pure.
//
// The server counts a delivery whether or not a handler saw it, and at max deliver it stops for
// good. So a drain asks for what it can handle: first the concurrency and a prefetch, then at most
// half of what the pace so far can handle in the time left, so that drains beside it find something
// too. Where a delivery may be the last, it asks for what can start at once.

/** What is known when a pull request could be made. */
export interface Pace {
  readonly concurrency: number;
  /** Messages asked for beyond the concurrency at first. */
  readonly prefetch: number;
  /** Until the handlers' deadline, in milliseconds. */
  readonly leftMs: number;
  /** Since the first message came, in milliseconds. */
  readonly elapsedMs: number;
  /** How long a pull request and its answer take, at most, in milliseconds. */
  readonly roundTripMs: number;
  readonly queued: number;
  /** Held, but behind another of their key: whatever is free, they cannot start. */
  readonly waiting?: number;
  readonly running: number;
  readonly handled: number;
  readonly slowestMs: number | undefined;
  /** Messages not delivered yet; undefined: not known. */
  readonly pending?: number | undefined;
  readonly last: LastDeliveries;
  /** So many failures more end the drain; infinite while the latest handler did not fail. */
  readonly failuresLeft?: number;
}

/** What is known of messages that may be at their last delivery. */
export interface LastDeliveries {
  /**
   * The smaller of max deliver and the deliveries after which a message is a dead letter; undefined: neither.
   */
  readonly limit: number | undefined;
  /** Messages that may be delivered again: unsettled before this drain, and not seen by it yet. */
  readonly redeliverable: number;
  /** Delivery count of the latest message; undefined before the first. */
  readonly latestCount: number | undefined;
}

// A pace measured over few messages says little about thousands; the less, the fewer deliveries there are.
const MAX_GROWTH = 100;
// A drain beside this one finds half of what is there, unless it is this little work.
const SHARE_MS = 250;

/** Messages to ask for first. */
export function firstPull({
  concurrency,
  prefetch,
  last,
}: Pick<Pace, "concurrency" | "prefetch" | "last">): number {
  return needsCare(last) ? concurrency : concurrency + prefetch;
}

/** Messages to ask for next; 0 for none now. */
export function nextPull(pace: Pace): number {
  const { concurrency, leftMs, elapsedMs, roundTripMs, queued, running, handled, slowestMs = 0, last } = pace;
  const { waiting = 0 } = pace;
  const { pending = Number.POSITIVE_INFINITY, failuresLeft = Number.POSITIVE_INFINITY } = pace;
  const slots = Math.min(concurrency, failuresLeft);
  const free = leftMs > slowestMs ? Math.max(0, slots - running - queued - waiting) : 0;
  // What a drain that stops gives back has cost a delivery.
  if (mayBeLast(last) || failuresLeft < Number.POSITIVE_INFINITY) return free;
  if (handled === 0 || leftMs <= 0) return free;
  // By the slowest handler so far where a delivery too many cannot be had back, by their average
  // where it can. Fewer than `concurrency` run where a key holds up its own.
  const average = handled / elapsedMs;
  const perMs = last.limit === undefined ? average : Math.min(average, concurrency / slowestMs);
  const lowWater = Math.max(concurrency / 2, perMs * 2 * roundTripMs);
  if (queued > lowWater) return 0;
  const half = Math.floor((perMs * leftMs - running) / 2) - queued - waiting;
  const share = Math.ceil(Math.max(perMs * SHARE_MS, pending / 2));
  const growth = Math.min(last.limit ?? MAX_GROWTH, MAX_GROWTH);
  return Math.max(free, Math.min(half, share, handled * growth));
}

/** Whether the first messages may be at their last delivery, or one before: nothing is known of them yet. */
function needsCare({ limit, redeliverable }: LastDeliveries): boolean {
  return limit !== undefined && (limit <= 2 || redeliverable > 0);
}

/** Whether the next message may be at its last delivery. Redeliveries come before new messages. */
function mayBeLast({ limit, redeliverable, latestCount = 1 }: LastDeliveries): boolean {
  if (limit === undefined) return false;
  if (limit === 1 || latestCount >= limit) return true;
  if (redeliverable === 0) return false;
  return limit === 2 || latestCount >= limit - 1;
}
