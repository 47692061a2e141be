// Order by key: one key's messages are handled one after the other, in the order they came, while
// other keys go their own way.

// Between one message and the next of a key that go back together: they come again in this order.
const STEP_MS = 50;

// One that went back and did not come so long after it was due is another drain's, or gone: it
// holds up nobody any more.
const GRACE_MS = 2_000;

/** A key's messages: one of them is being handled, others wait for it, and others went back. */
interface Lane<Job> {
  busy: boolean;
  readonly waiting: Job[];
  /** Sequences that went back, and when each is due. */
  readonly owed: Map<number, number>;
  /** The lowest of them. */
  firstOwed: number;
  /** When the last that went back is due, so that none overtakes it. */
  dueAt: number;
}

/** A job that has to go back, and when it may come again: after those of its key that went back before it. */
export interface Back<Job> {
  readonly job: Job;
  readonly afterMs: number;
}

export interface KeyOrderParts<Job> {
  readonly keyOf: (job: Job) => string;
  readonly sequenceOf: (job: Job) => number;
  /** Whether it can be delivered again: what cannot is handled before its turn rather than given away. */
  readonly canGoBack: (job: Job) => boolean;
}

/** Decides which message may be handled next. Knows keys, order and times, and nothing of handlers. */
export class KeyOrder<Job extends object> {
  readonly #parts: KeyOrderParts<Job>;
  readonly #lanes = new Map<string, Lane<Job>>();
  readonly #keys = new Map<Job, string>();
  #waiting = 0;

  constructor(parts: KeyOrderParts<Job>) {
    this.#parts = parts;
  }

  /**
   * Takes a job in: `ready` to be handled, `waiting` here for one of its key, or to go back because
   * an earlier one of its key did and has not come again.
   *
   * @throws what the key function throws
   */
  admit(job: Job, now: number): "ready" | "waiting" | Back<Job> {
    const { canGoBack, keyOf, sequenceOf } = this.#parts;
    const key = String(keyOf(job));
    const lane = this.#lanes.get(key) ?? newLane<Job>();
    this.#lanes.set(key, lane);
    forgetOverdue(lane, now);
    const sequence = sequenceOf(job);
    if (sequence > lane.firstOwed && canGoBack(job)) return this.#back(lane, job, now);
    settleDebt(lane, sequence);
    this.#keys.set(job, key);
    if (lane.busy) {
      lane.waiting.push(job);
      this.#waiting += 1;
      return "waiting";
    }
    lane.busy = true;
    return "ready";
  }

  /**
   * A job has ended. `againInMs`: it will be delivered again. Tells which of its key is next, and
   * which have to go back.
   */
  ended(
    job: Job,
    againInMs: number | undefined,
    now: number,
  ): { readonly next?: Job; readonly back: Back<Job>[] } {
    const key = this.#keys.get(job);
    const lane = key === undefined ? undefined : this.#lanes.get(key);
    if (key === undefined || !lane) return { back: [] };
    this.#keys.delete(job);
    const back = againInMs === undefined ? [] : this.#allBack(lane, job, now, againInMs);
    const next = lane.waiting.shift();
    this.#waiting -= back.length + (next === undefined ? 0 : 1);
    lane.busy = next !== undefined;
    if (next !== undefined) return { next, back };
    if (lane.owed.size === 0) this.#lanes.delete(key);
    return { back };
  }

  /** How many jobs wait for another of their key. */
  get waitingCount(): number {
    return this.#waiting;
  }

  /** Every job that waits for another of its key. */
  waiting(): Job[] {
    return Array.from(this.#lanes.values(), (lane) => lane.waiting).flat();
  }

  /** The job is delivered again, and what waits for it with it, as far as that can. */
  #allBack(lane: Lane<Job>, job: Job, now: number, againInMs: number): Back<Job>[] {
    owe(lane, this.#parts.sequenceOf(job), now + againInMs);
    const waiting = lane.waiting.splice(0);
    lane.waiting.push(...waiting.filter((each) => !this.#parts.canGoBack(each)));
    return waiting.filter((each) => this.#parts.canGoBack(each)).map((each) => this.#back(lane, each, now));
  }

  #back(lane: Lane<Job>, job: Job, now: number): Back<Job> {
    this.#keys.delete(job);
    const dueAt = Math.max(lane.dueAt, now) + STEP_MS;
    owe(lane, this.#parts.sequenceOf(job), dueAt);
    return { job, afterMs: dueAt - now };
  }
}

function newLane<Job>(): Lane<Job> {
  return { busy: false, waiting: [], owed: new Map(), firstOwed: Number.POSITIVE_INFINITY, dueAt: 0 };
}

function owe<Job>(lane: Lane<Job>, sequence: number, dueAt: number): void {
  lane.owed.set(sequence, dueAt);
  lane.firstOwed = Math.min(lane.firstOwed, sequence);
  lane.dueAt = Math.max(lane.dueAt, dueAt);
}

function settleDebt<Job>(lane: Lane<Job>, sequence: number): void {
  lane.owed.delete(sequence);
  if (sequence !== lane.firstOwed) return;
  lane.firstOwed = Number.POSITIVE_INFINITY;
  for (const owed of lane.owed.keys()) lane.firstOwed = Math.min(lane.firstOwed, owed);
}

function forgetOverdue<Job>(lane: Lane<Job>, now: number): void {
  for (;;) {
    const dueAt = lane.owed.get(lane.firstOwed);
    if (dueAt === undefined || now < dueAt + GRACE_MS) return;
    settleDebt(lane, lane.firstOwed);
  }
}
