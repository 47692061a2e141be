// Waiting with an end: every wait of a drain is a race against a deadline, and no race leaves its
// timer behind.

/**
 * Milliseconds of the monotonic clock, as {@link now} gives them. A wall clock that jumps moves no deadline.
 */
export type Deadline = number;

/** JetStream's API has its times in nanoseconds. */
export const NANOS_PER_MS = 1_000_000;

/** The monotonic clock, in milliseconds from an origin of the runtime's own choice. */
export function now(): number {
  return performance.now();
}

/** What a bounded wait came to: the value, or the news that the deadline passed first. */
export type Waited<T> = { readonly done: true; readonly value: T } | { readonly done: false };

/**
 * Waits for `promise` until `deadline`, and no longer. A rejection of `promise` is passed on; one
 * that comes after the deadline is swallowed, because nobody is left to hear it.
 */
export async function waitUntil<T>(promise: Promise<T>, deadline: Deadline): Promise<Waited<T>> {
  const late = timer(deadline - now());
  try {
    return await Promise.race([
      promise.then((value): Waited<T> => ({ done: true, value })),
      late.fired.then((): Waited<T> => ({ done: false })),
    ]);
  } finally {
    late.cancel();
    promise.catch(() => {});
  }
}

/** A timer as a promise that never rejects, and that `cancel()` leaves pending for the collector. */
export function timer(delayMs: number): { readonly fired: Promise<void>; cancel(): void } {
  let id: ReturnType<typeof setTimeout> | undefined;
  const fired = new Promise<void>((resolve) => {
    id = setTimeout(resolve, clampDelay(delayMs));
  });
  return { fired, cancel: () => clearTimeout(id) };
}

/** One turn of the event loop: every promise reaction queued so far has run when it resolves. */
export function nextTurn(): Promise<void> {
  return timer(0).fired;
}

/** Lets the event loop have its turn, so that timers fire and I/O goes on under handlers that never wait. */
export function breathe(): Promise<void> {
  // setTimeout(0) takes a millisecond in Node, which would be the cost of twenty messages.
  const { setImmediate: soon } = globalThis as { setImmediate?: (call: () => void) => unknown };
  return soon ? new Promise((resolve) => void soon(() => resolve())) : nextTurn();
}

/** `setTimeout` takes 31 bits; more would fire at once (HTML standard, timer initialisation steps). */
export function clampDelay(delayMs: number): number {
  return Math.min(Math.max(0, delayMs), 2_147_483_647);
}
