// Order by key: one key's messages are handled one after the other, in the order they came, while other keys go their own way.

// Between one message and the next of a key that go back together: they come again in this order.
const STEP_MS = 50;

/** A key's messages: one of them is being handled, or has been put back. */
interface Lane<Job> {
  readonly waiting: Job[];
  /** Set when a message of the key is to be delivered again: when the last that went back is due, so that none overtakes it. */
  dueAt?: number;
}

/** A job that has to go back, and when it may come again: after those of its key that went back before it. */
export interface Back<Job> {
  readonly job: Job;
  readonly afterMs: number;
}

/** Decides which message may be handled next. Knows keys, order and times, and nothing of handlers. */
export class KeyOrder<Job extends object> {
  readonly #keyOf: (job: Job) => string;
  readonly #lanes = new Map<string, Lane<Job>>();
  readonly #keys = new Map<Job, string>();

  constructor(keyOf: (job: Job) => string) {
    this.#keyOf = keyOf;
  }

  /**
   * Takes a job in: `ready` to be handled, `waiting` here for one of its key, or to go back because one of its key did.
   *
   * @throws what the key function throws
   */
  admit(job: Job, now: number): "ready" | "waiting" | Back<Job> {
    const key = String(this.#keyOf(job));
    const lane = this.#lanes.get(key);
    if (lane?.dueAt !== undefined) return this.#back(lane, job, now);
    this.#keys.set(job, key);
    if (lane) {
      lane.waiting.push(job);
      return "waiting";
    }
    this.#lanes.set(key, { waiting: [] });
    return "ready";
  }

  /** A job has ended. `againInMs`: it will be delivered again. Tells which of its key is next, or that all have to go back. */
  ended(
    job: Job,
    againInMs: number | undefined,
    now: number,
  ): { readonly next?: Job; readonly back: Back<Job>[] } {
    const key = this.#keys.get(job);
    const lane = key === undefined ? undefined : this.#lanes.get(key);
    if (key === undefined || !lane) return { back: [] };
    this.#keys.delete(job);
    if (againInMs !== undefined) {
      lane.dueAt = now + againInMs;
      return { back: lane.waiting.splice(0).map((each) => this.#back(lane, each, now)) };
    }
    const next = lane.waiting.shift();
    if (next !== undefined) return { next, back: [] };
    if (lane.dueAt === undefined) this.#lanes.delete(key);
    return { back: [] };
  }

  /** Every job that waits for another of its key. */
  waiting(): Job[] {
    return Array.from(this.#lanes.values(), (lane) => lane.waiting).flat();
  }

  #back(lane: Lane<Job>, job: Job, now: number): Back<Job> {
    this.#keys.delete(job);
    lane.dueAt = Math.max(lane.dueAt ?? now, now) + STEP_MS;
    return { job, afterMs: lane.dueAt - now };
  }
}
