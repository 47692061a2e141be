// Order by key: one key's messages are handled one after the other, in the order they came, while other keys go their own way.

/** A key's messages: one of them is being handled, or has been put back. */
interface Lane<Job> {
  readonly waiting: Job[];
  /** A message of the key is to be delivered again: later ones must not overtake it, so they go back too. */
  blocked: boolean;
}

/** Decides which message may be handled next. Knows keys and order, and nothing of handlers. */
export class KeyOrder<Job extends object> {
  readonly #keyOf: (job: Job) => string;
  readonly #lanes = new Map<string, Lane<Job>>();
  readonly #keys = new Map<Job, string>();

  constructor(keyOf: (job: Job) => string) {
    this.#keyOf = keyOf;
  }

  /**
   * Takes a job in: `ready` to be handled, `waiting` here for one of its key, or `blocked` by one that was put back.
   *
   * @throws what the key function throws
   */
  admit(job: Job): "ready" | "waiting" | "blocked" {
    const key = String(this.#keyOf(job));
    const lane = this.#lanes.get(key);
    if (lane?.blocked) return "blocked";
    this.#keys.set(job, key);
    if (lane) {
      lane.waiting.push(job);
      return "waiting";
    }
    this.#lanes.set(key, { waiting: [], blocked: false });
    return "ready";
  }

  /** A job has ended. `again`: it will be delivered again. Tells which of its key is next, or that all have to go back. */
  ended(job: Job, again: boolean): { readonly next?: Job; readonly back: readonly Job[] } {
    const key = this.#keys.get(job);
    const lane = key === undefined ? undefined : this.#lanes.get(key);
    if (key === undefined || !lane) return { back: [] };
    this.#keys.delete(job);
    if (again) {
      lane.blocked = true;
      return { back: lane.waiting.splice(0) };
    }
    const next = lane.waiting.shift();
    if (next === undefined) {
      if (!lane.blocked) this.#lanes.delete(key);
      return { back: [] };
    }
    return { next, back: [] };
  }

  /** Every job that waits for another of its key. */
  waiting(): Job[] {
    return Array.from(this.#lanes.values(), (lane) => lane.waiting).flat();
  }
}
