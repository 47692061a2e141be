// The budget: a platform's limit becomes slices of time. Pure.
//
//   0                                                                                     limitMs
//   |-- connect --|------ max wait ------|------------ handle ------------|-- settle --|-- close --|
//                 ^ the pull goes out    ^ no later than this the Fetch   ^ what is    ^ the report
//                                          has ended                        left is      is on its
//                                                                           released     way
//
// Each slice is a bound, not an appointment: what one does not use falls to handling, and a message
// is handled as soon as it arrives, so max wait and handling overlap in practice.

/**
 * What a drain may say about its slices. All in milliseconds; each is an upper bound that gives way
 * when the limit is short.
 */
export interface BudgetOptions {
  readonly connectTimeoutMs?: number | undefined;
  readonly maxWaitMs?: number | undefined;
  readonly heartbeatMs?: number | undefined;
  readonly settleTimeoutMs?: number | undefined;
}

/**
 * The slices of one drain, in milliseconds. Their sum (the heartbeat is none of them) is at most `limitMs`.
 */
export interface Budget {
  readonly limitMs: number;
  readonly connectMs: number;
  readonly maxWaitMs: number;
  readonly handleMs: number;
  readonly settleMs: number;
  readonly closeMs: number;
  /** Idle heartbeat to ask the server for; 0 asks for none, because max wait is too short to lose one in. */
  readonly heartbeatMs: number;
}

/** The limit is too small for any drain. `leastMs` is the least that works. */
export class LimitTooSmallError extends RangeError {
  readonly code = "SLUICE_LIMIT_TOO_SMALL";
  readonly leastMs: number;
  constructor(limitMs: number, leastMs: number) {
    super(`limitMs: ${limitMs} is too small for a drain: at least ${leastMs} ms are needed`);
    this.name = "LimitTooSmallError";
    this.leastMs = leastMs;
  }
}

interface Slice {
  readonly least: number;
  readonly wanted: number;
}

// The least a slice can be and still do its work on a nearby server: a TLS connection, one handler,
// one flush.
const MIN_MS = { connect: 200, wait: 0, handle: 100, settle: 100, close: 50 } as const;

/** The smallest `limitMs` that {@link planBudget} accepts, in milliseconds. */
export const MIN_LIMIT_MS: number =
  MIN_MS.connect + MIN_MS.wait + MIN_MS.handle + MIN_MS.settle + MIN_MS.close;

// A heartbeat below this is lost in the jitter of timers and networks; the wait itself is then the watch.
const MIN_HEARTBEAT_MS = 50;
// Loss is silence of twice the heartbeat, so that two seconds find a frozen server in four. Each
// heartbeat wakes the function up, which costs a tenth of a millisecond of CPU time (Node 24): as
// much as twenty messages.
const DEFAULT_HEARTBEAT_MS = 2_000;

/**
 * Cuts `limitMs` (milliseconds) into the slices of a drain. An option is an upper bound of its
 * slice: when they do not all fit, connect, max wait and settle shrink in proportion, each down to
 * its least, and handling keeps a quarter of the limit, or 100 ms of a tiny one. The heartbeat is
 * at most a third of max wait (so that a loss, silence of twice the heartbeat, is always seen
 * before max wait ends) and never above what nats-server allows (half of `expires`: consumer.go,
 * `processNextMsgReq`).
 *
 * @example
 * const { maxWaitMs } = planBudget(25_000); // 5000
 *
 * @throws {LimitTooSmallError} (a RangeError) when `limitMs` is not a number or below {@link MIN_LIMIT_MS}
 */
export function planBudget(limitMs: number, options: BudgetOptions = {}): Budget {
  if (!(limitMs >= MIN_LIMIT_MS)) throw new LimitTooSmallError(limitMs, MIN_LIMIT_MS);
  const limit = Math.floor(Math.min(limitMs, Number.MAX_SAFE_INTEGER));

  const close: number = clamp(limit / 50, MIN_MS.close, 250);
  const wanted = {
    connect: slice(options.connectTimeoutMs, Math.min(5_000, limit / 4), MIN_MS.connect),
    wait: slice(options.maxWaitMs, Math.min(5_000, limit / 3), MIN_MS.wait),
    settle: slice(options.settleTimeoutMs, clamp(limit / 8, MIN_MS.settle, 2_000), MIN_MS.settle),
  };
  const available = limit - close - Math.max(MIN_MS.handle, limit / 4);
  const [connect, wait, settle] = shrink([wanted.connect, wanted.wait, wanted.settle], available);

  const maxWaitMs = Math.floor(wait);
  const slices = {
    connectMs: Math.floor(connect),
    maxWaitMs,
    settleMs: Math.floor(settle),
    closeMs: Math.floor(close),
  };
  const used = slices.connectMs + slices.maxWaitMs + slices.settleMs + slices.closeMs;
  return {
    limitMs: limit,
    ...slices,
    handleMs: limit - used,
    heartbeatMs: heartbeat(maxWaitMs, options.heartbeatMs),
  };
}

/** A slow target needs so long, however short the limit. */
const MIN_TARGET_TIMEOUT_MS = 1_000;

/**
 * How long the deployable Worker waits for its target per message, in milliseconds, where
 * HANDLER_TIMEOUT_MS does not say: a third of the handling slice. A request that never ends then
 * leaves two thirds of it to the messages behind it, also at concurrency 1, and two such requests
 * still leave a third.
 */
export function targetTimeoutMs({ handleMs }: Budget): number {
  return Math.max(MIN_TARGET_TIMEOUT_MS, Math.floor(handleMs / 3));
}

/** An option is an upper bound, also below the least that a default would keep. */
function slice(option: number | undefined, preset: number, least: number): Slice {
  const wanted = option ?? Math.max(preset, least);
  return { least: Math.min(wanted, least), wanted };
}

/**
 * Shrinks the slices in proportion to what each can give, until they fit; MIN_LIMIT_MS guarantees
 * that they do.
 */
function shrink(slices: readonly [Slice, Slice, Slice], available: number): [number, number, number] {
  const least = slices.reduce((sum, each) => sum + each.least, 0);
  const spare = slices.reduce((sum, each) => sum + each.wanted - each.least, 0);
  const share = spare === 0 ? 0 : clamp((available - least) / spare, 0, 1);
  const sized = ({ least, wanted }: Slice): number => least + (wanted - least) * share;
  return [sized(slices[0]), sized(slices[1]), sized(slices[2])];
}

function heartbeat(maxWaitMs: number, wanted = DEFAULT_HEARTBEAT_MS): number {
  const heartbeatMs = Math.floor(Math.min(wanted, maxWaitMs / 3));
  return heartbeatMs < MIN_HEARTBEAT_MS ? 0 : heartbeatMs;
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}
