// The pace of a drain: how much the next pull may ask for, so that what it brings can still be handled. Pure.

export interface Pace {
  /** Most that a pull asks for. */
  readonly batch: number;
  /** Messages handled so far, and the milliseconds since the first of them came. */
  readonly handled: number;
  readonly elapsedMs: number;
  /** Until the handlers' deadline. */
  readonly leftMs: number;
}

/** Messages to ask for; 0 when the time left is not enough for one more at the pace so far. */
export function nextBatch({ batch, handled, elapsedMs, leftMs }: Pace): number {
  if (leftMs <= 0) return 0;
  if (handled === 0 || elapsedMs <= 0) return batch;
  return Math.min(batch, Math.floor((leftMs * handled) / elapsedMs));
}
