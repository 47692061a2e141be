// A queue with an express lane. As arrays and the place of their heads: shift() on an array moves
// every element.

/** So many places of what was taken are kept at most, or as many as there are items. */
const MAX_GONE = 1_024;

class Lane<T> {
  #items: (T | undefined)[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }
  get first(): T | undefined {
    return this.#items[this.#head];
  }
  push(item: T): void {
    this.#items.push(item);
  }
  shift(): void {
    // What was taken must not stay in memory for the sake of the queue.
    this.#items[this.#head] = undefined;
    this.#head += 1;
    // Nor may its place. But a new array for each item of a queue that is empty in between would be
    // a tenth of all that a drain allocates (20,000 x 128 B).
    if (this.#head < MAX_GONE || this.#head * 2 <= this.#items.length) return;
    this.#items = this.#items.slice(this.#head);
    this.#head = 0;
  }
  items(): T[] {
    return this.#items.slice(this.#head).filter((item) => item !== undefined);
  }
  clear(): void {
    this.#items = [];
    this.#head = 0;
  }
}

/** First in, first out; what is `urgent` before what is not. */
export class Queue<T> {
  readonly #urgent = new Lane<T>();
  readonly #normal = new Lane<T>();

  get length(): number {
    return this.#urgent.length + this.#normal.length;
  }
  get first(): T | undefined {
    return this.#urgent.first ?? this.#normal.first;
  }
  push(item: T, urgent: boolean): void {
    (urgent ? this.#urgent : this.#normal).push(item);
  }
  /** Takes the first out. */
  shift(): void {
    if (this.#urgent.length > 0) this.#urgent.shift();
    else if (this.#normal.length > 0) this.#normal.shift();
  }
  /** All of it, in order. */
  items(): T[] {
    return [...this.#urgent.items(), ...this.#normal.items()];
  }
  /** Takes all of it out. */
  clear(): T[] {
    const items = this.items();
    this.#urgent.clear();
    this.#normal.clear();
    return items;
  }
}
