// The time that handlers have. Those that start within a moment of each other share a signal, a
// timer and a context: one of each per message is a tenth of the CPU of forwarding.
import { clampDelay, type Deadline, now } from "../deadline.ts";
import { type HandlerContext, handlerDeadline, timeIsUp } from "./handler.ts";

// A moment: so little of the handler's time that nobody misses it. They end together, in the time of
// the first, so that no handler has longer than it may.
const SHARE_OF_TIMEOUT = 1 / 20;
const MAX_MOMENT_MS = 100;

export interface HandlerTimesOptions<Env, Job> {
  readonly context: HandlerContext<Env>;
  readonly deadline: Deadline;
  /** Longest time of one handler, in milliseconds; undefined: until the deadline. */
  readonly handlerTimeoutMs: number | undefined;
  /** Called with all whose time is up, before their signal aborts. */
  readonly overdue: (jobs: readonly Job[]) => void;
}

export class HandlerTimes<Env, Job> {
  readonly #options: HandlerTimesOptions<Env, Job>;
  readonly #momentMs: number;
  readonly #all = new Set<HandlerTime<Env, Job>>();
  #latest: HandlerTime<Env, Job> | undefined;

  constructor(options: HandlerTimesOptions<Env, Job>) {
    this.#options = options;
    const { handlerTimeoutMs = Number.POSITIVE_INFINITY } = options;
    this.#momentMs =
      handlerTimeoutMs === Number.POSITIVE_INFINITY
        ? handlerTimeoutMs
        : Math.min(MAX_MOMENT_MS, handlerTimeoutMs * SHARE_OF_TIMEOUT);
  }

  /** The time of a handler that starts at `at`. */
  from(at: Deadline): HandlerTime<Env, Job> {
    if (this.#latest && at < this.#latest.startedAt + this.#momentMs) return this.#latest;
    const latest = new HandlerTime(this.#options, at, () => this.#all.delete(latest));
    this.#all.add(latest);
    this.#latest = latest;
    return latest;
  }

  /** No handler starts any more: only those that run still need their timer. */
  close(): void {
    for (const time of this.#all) time.close();
  }
}

/** The time of the handlers that start within one moment. */
export class HandlerTime<Env, Job> {
  readonly startedAt: Deadline;
  readonly context: HandlerContext<Env>;
  readonly #overdue: (jobs: readonly Job[]) => void;
  readonly #ended: () => void;
  readonly #endsAt: Deadline | undefined;
  readonly #abort: AbortController | undefined;
  readonly #running = new Set<Job>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  /** @param ended is called when its timer has fired */
  constructor(options: HandlerTimesOptions<Env, Job>, at: Deadline, ended: () => void) {
    const { context, deadline, handlerTimeoutMs, overdue } = options;
    this.startedAt = at;
    this.#overdue = overdue;
    this.#ended = ended;
    if (handlerTimeoutMs === undefined) {
      // The drain's own signal and deadline.
      this.context = context;
      return;
    }
    this.#endsAt = at + handlerTimeoutMs;
    this.#abort = new AbortController();
    this.context = {
      ...context,
      signal: this.#abort.signal,
      deadline: handlerDeadline(deadline, handlerTimeoutMs),
    };
  }

  /** A handler runs. */
  add(job: Job): void {
    this.#running.add(job);
    if (this.#endsAt === undefined) return;
    this.#timer ??= setTimeout(() => this.#end(), clampDelay(this.#endsAt - now()));
  }

  /** A handler has ended, or is waited for no more. */
  delete(job: Job): void {
    this.#running.delete(job);
    if (this.#closed) this.close();
  }

  /** Tells its handlers that nobody waits for them any more. */
  giveUp(): void {
    this.#abort?.abort(timeIsUp());
  }

  /** No other handler starts. Its timer stays while one runs; it would keep a process alive. */
  close(): void {
    this.#closed = true;
    if (this.#running.size === 0) clearTimeout(this.#timer);
  }

  #end(): void {
    this.#ended();
    if (this.#running.size === 0) return;
    this.#overdue([...this.#running]);
    this.giveUp();
  }
}
