// What a random life of a consumer is made of: its configuration, its messages' handlers, its drains, and the faults.
import * as fc from "fast-check";
import { MIN_LIMIT_MS } from "../../src/index.ts";

/** How a handler behaves for a message. */
type Behaviour =
  | "return"
  | "resolve"
  | "slow"
  | "throw"
  | "retry"
  | "reject"
  | "ignore-signal"
  /** Fails at every delivery, where the consumer or the dead letter ends that. */
  | "fail";

/** What goes wrong on the way to the server. */
type NetworkFault = "cut" | "half-open" | "deaf" | "mute" | "blackhole" | "slow" | "refuse" | "restore";
/** What goes wrong with the stream of dead letters: no stream takes their subject, or one does again. */
type DeadLetterFault = "dead-away" | "dead-back";
/** What goes wrong with the server itself; a lane of its own has a server of its own for it. */
export type ServerFault = "freeze" | "thaw" | "kill";

export interface TimedFault {
  /** Milliseconds after its round has started. */
  readonly atMs: number;
  readonly what: NetworkFault | DeadLetterFault | ServerFault;
}

export interface PlannedDrain {
  readonly limitMs: number;
  readonly batch: number;
  readonly fetches: number;
  readonly concurrency: number;
  readonly maxWaitMs: number;
  readonly fill: boolean;
  readonly isBatch: boolean;
}

/** Drains at once, and what goes wrong meanwhile. */
interface Round {
  readonly drains: readonly PlannedDrain[];
  readonly faults: readonly TimedFault[];
}

export interface Schedule {
  readonly messages: number;
  /** For the message of that sequence, repeated; from its third delivery on the handler just succeeds, but for `fail`. */
  readonly behaviours: readonly Behaviour[];
  /** Undefined: no limit. */
  readonly maxDeliver: number | undefined;
  readonly backoff: boolean;
  /** `copy`: the drains' user may publish to the stream, so that nothing at its last delivery is lost. */
  readonly deadLetter: "none" | "only" | "copy";
  readonly maxDeliveries: number | undefined;
  readonly rounds: readonly Round[];
}

const NETWORK_FAULTS = [
  "cut",
  "half-open",
  "deaf",
  "mute",
  "blackhole",
  "slow",
  "refuse",
  "restore",
] as const;
const DEAD_LETTER_FAULTS = ["dead-away", "dead-away", "dead-back"] as const;
const SERVER_FAULTS = ["freeze", "thaw", "kill", "kill", "kill"] as const;

/** Random schedules. */
export function schedules(withServerFaults: boolean): fc.Arbitrary<Schedule> {
  const what = fc.constantFrom<TimedFault["what"]>(
    ...NETWORK_FAULTS,
    // A frozen server takes no change of a stream.
    ...(withServerFaults ? SERVER_FAULTS : DEAD_LETTER_FAULTS),
  );
  const drain = fc.record({
    limitMs: fc.integer({ min: MIN_LIMIT_MS, max: 1_600 }),
    batch: fc.integer({ min: 1, max: 25 }),
    fetches: fc.integer({ min: 1, max: 3 }),
    concurrency: fc.integer({ min: 1, max: 4 }),
    maxWaitMs: fc.integer({ min: 0, max: 800 }),
    fill: fc.boolean(),
    isBatch: often(fc.constant(false), fc.constant(true)),
  });
  const round = fc.record({
    drains: fc.array(drain, { minLength: 1, maxLength: 3 }),
    faults: fc.array(fc.record({ atMs: fc.integer({ min: 0, max: 700 }), what }), { maxLength: 3 }),
  });
  return fc.record({
    messages: fc.integer({ min: 1, max: 20 }),
    behaviours: fc.array(
      fc.constantFrom<Behaviour>(
        ...(["return", "resolve", "resolve", "slow", "throw", "retry", "reject", "ignore-signal"] as const),
        "fail",
      ),
      { minLength: 1, maxLength: 8 },
    ),
    maxDeliver: fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined, freq: 3 }),
    backoff: fc.boolean(),
    deadLetter: fc.constantFrom("none", "only", "copy"),
    maxDeliveries: fc.option(fc.integer({ min: 1, max: 6 }), { nil: undefined }),
    rounds: fc.array(round, { minLength: 1, maxLength: 3 }),
  });
}

function often<T>(usual: fc.Arbitrary<T>, seldom: fc.Arbitrary<T>): fc.Arbitrary<T> {
  return fc.oneof({ arbitrary: usual, weight: 2 }, { arbitrary: seldom, weight: 1 });
}

/** Whether a message that always fails comes to an end. */
export function isBounded({ maxDeliver, deadLetter, maxDeliveries }: Schedule): boolean {
  return maxDeliver !== undefined || (deadLetter !== "none" && maxDeliveries !== undefined);
}
