// What it is worth that the server had no message to give: another pull request only when something
// has moved on since, and not without end where the consumer says that it has some.

// So many pull requests in a row may bring nothing although the consumer has messages to deliver.
const MAX_FRUITLESS = 3;
// nats-server says that it has none when a pull request has waited, or behind what it brought. One that
// says so at once would be asked, and would answer, more than a thousand times a second until the limit.
const FIRST_PAUSE_MS = 5;
const MAX_PAUSE_MS = 200;

export class Emptiness {
  /** Messages handled when it was said. */
  #handledThen = -1;
  #fruitless = 0;
  #early = 0;

  /** It was said, and no message has been handled since. */
  holds(handled: number): boolean {
    return handled > 0 && handled === this.#handledThen;
  }

  /** It has been said for the first time since so many were handled. */
  isNew(handled: number): boolean {
    return handled !== this.#handledThen;
  }

  said(handled: number): void {
    this.#handledThen = handled;
  }

  /** The consumer says that it has some: whether another pull request may find them. */
  doubt(): boolean {
    this.#handledThen = -1;
    this.#fruitless += 1;
    return this.#fruitless < MAX_FRUITLESS;
  }

  /** How long to wait before it is asked again, in milliseconds, where it says so `early`, and again. */
  pauseMs(early: boolean): number {
    this.#early = early ? this.#early + 1 : 0;
    return this.#early < 2 ? 0 : Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (this.#early - 2));
  }

  /** Something came. */
  delivered(): void {
    this.#fruitless = 0;
    this.#early = 0;
  }
}
