// How long this process was kept from running: a bound on time holds for a drain that runs, not for one that is not let.

const TICK_MS = 5;

let last = performance.now();
const stalls: { readonly endedAt: number; readonly ms: number }[] = [];
setInterval(() => {
  const now = performance.now();
  const lateMs = now - last - TICK_MS;
  if (lateMs > TICK_MS) stalls.push({ endedAt: now, ms: lateMs });
  last = now;
}, TICK_MS).unref();

/** Milliseconds that the event loop stood still since `startedAt`, a time of `performance.now()`. */
export function stalledMs(startedAt: number): number {
  const seen = stalls.filter(({ endedAt }) => endedAt > startedAt).reduce((sum, { ms }) => sum + ms, 0);
  // The stall that is going on has not been written down yet.
  return seen + Math.max(0, performance.now() - last - TICK_MS);
}
