// What it is worth that the server had no message to give: another pull request only when something
// has moved on since, and not without end where the consumer says that it has some.

// So many pull requests in a row may bring nothing although the consumer has messages to deliver.
const MAX_FRUITLESS = 3;

export class Emptiness {
  /** Messages handled when it was said. */
  #handledThen = -1;
  #fruitless = 0;

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

  /** Something came. */
  delivered(): void {
    this.#fruitless = 0;
  }
}
