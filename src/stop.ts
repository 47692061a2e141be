// The end of a drain before it is done: one place that says why, and tells everything that has to
// end with it.
import { type Deadline, now, timer } from "./deadline.ts";
import type { Stopped } from "./report/verdict.ts";

/** Called at the stop; `cut`: nothing is waited for any more, not even the handlers that run. */
type Listener = (cut: boolean) => void;

export class Stop implements Disposable {
  readonly #abort = new AbortController();
  readonly #listener: Listener;
  readonly #cleanups: (() => void)[] = [];
  readonly #cut = Promise.withResolvers<void>();
  #why: Stopped | undefined;

  /** Stops at the deadline, or when the caller aborts. */
  constructor(deadline: Deadline, caller: AbortSignal, listener: Listener) {
    this.#listener = listener;
    const late = timer(deadline - now());
    void late.fired.then(() => this.stop("deadline"));
    const aborted = (): void => this.stop("aborted");
    caller.addEventListener("abort", aborted, { once: true });
    this.#cleanups.push(late.cancel, () => caller.removeEventListener("abort", aborted));
    if (caller.aborted) queueMicrotask(aborted);
  }

  /** The first reason to stop. */
  get why(): Stopped | undefined {
    return this.#why;
  }

  /** Resolves when nothing is waited for any more, not even the handlers that run. */
  get cut(): Promise<void> {
    return this.#cut.promise;
  }

  /** What handlers see: aborts when nobody waits for them any more. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  stop(why: Stopped): void {
    const cut = why !== "handlers-failing";
    // Handlers that were to end by themselves have to be cut off all the same when the time is up.
    if (this.signal.aborted || (this.#why !== undefined && !cut)) return;
    this.#why ??= why;
    // Before the signal: a handler that returns because of it has not done its work, and must not
    // be acked for it.
    this.#listener(cut);
    if (!cut) return;
    this.#cut.resolve();
    const message = why === "aborted" ? "The drain was aborted." : "The drain's time is up.";
    this.#abort.abort(new DOMException(message, "AbortError"));
  }

  [Symbol.dispose](): void {
    for (const cleanup of this.#cleanups) cleanup();
  }
}
