// A clock that stands still until a test moves it.
/// <reference lib="esnext.disposable" preserve="true" />

interface FakeTimer {
  readonly dueAt: number;
  /** Of two that are due at once, the one set first fires first. */
  readonly order: number;
  /** Of an interval. */
  readonly everyMs: number | undefined;
  readonly call: () => void;
}

type Globals = Pick<
  typeof globalThis,
  "Date" | "setTimeout" | "clearTimeout" | "setInterval" | "clearInterval"
>;

const DEFAULT_START = Date.UTC(2026, 0, 1);

let installed: FakeClock | undefined;

/**
 * Takes the place of `Date`, `performance.now`, `setTimeout` and `setInterval`, for everything in
 * this process, from its construction until it is disposed of: `using clock = new FakeClock()`.
 * Time passes by {@link advance} only; a timer of 0 ms is a turn of the event loop and no time, and
 * fires by itself. `AbortSignal.timeout()` and the clocks of the runtime's own I/O are not its
 * affair.
 *
 * @example
 * using clock = new FakeClock();
 * await clock.advance(60_000);
 */
export class FakeClock implements Disposable {
  readonly #real: Globals;
  readonly #timers = new Map<number, FakeTimer>();
  #now: number;
  #made = 0;
  #turning = false;

  /**
   * @param start the time it shows at first, a date or milliseconds since the epoch; by default
   * 2026-01-01T00:00:00Z
   * @throws {Error} when another one is in place
   */
  constructor(start: Date | number = DEFAULT_START) {
    if (installed)
      throw new Error("Cannot set up a FakeClock while another is in place: dispose of that one first.");
    installed = this;
    this.#now = Number(start);
    const { setTimeout, clearTimeout, setInterval, clearInterval } = globalThis;
    this.#real = { Date: globalThis.Date, setTimeout, clearTimeout, setInterval, clearInterval };
    Object.assign(globalThis, this.#fakes());
    Object.defineProperty(performance, "now", { value: () => this.#now - Number(start), configurable: true });
  }

  /** The time it shows, in milliseconds since the epoch. */
  get now(): number {
    return this.#now;
  }

  /**
   * Moves time on by `ms` milliseconds (from 0). Every timer due by then fires, in order and at its
   * own time, and what follows from each by promises has happened before the next, and before this
   * resolves. It does not wait for real I/O.
   *
   * @throws {RangeError} when `ms` is negative or not finite
   */
  async advance(ms: number): Promise<void> {
    if (!Number.isFinite(ms) || ms < 0) throw new RangeError(`ms: must be at least 0, not ${ms}`);
    const target = this.#now + ms;
    for (;;) {
      await this.#turnUntilQuiet();
      const next = this.#earliest();
      if (!next || next[1].dueAt > target) break;
      this.#now = Math.max(this.#now, next[1].dueAt);
      this.#fire(...next);
    }
    this.#now = Math.max(this.#now, target);
  }

  /** Puts the real clock back. What is still set never fires. */
  [Symbol.dispose](): void {
    if (installed !== this) return;
    installed = undefined;
    this.#timers.clear();
    Object.assign(globalThis, this.#real);
    // Its own one is the prototype's.
    Reflect.deleteProperty(performance, "now");
  }

  #fakes(): Record<keyof Globals, unknown> {
    const clock = this;
    const RealDate = this.#real.Date;
    class FakeDate extends RealDate {
      constructor(...args: unknown[]) {
        // As one of its overloads was called.
        super(...((args.length === 0 ? [clock.#now] : args) as [number]));
      }
      static override now(): number {
        return clock.#now;
      }
    }
    const clear = (handle: unknown): void => {
      if (handle instanceof TimerHandle) this.#timers.delete(Number(handle));
      // It was set before this clock was: it is a real one.
      else this.#real.clearTimeout(handle as Parameters<typeof clearTimeout>[0]);
    };
    return {
      Date: FakeDate,
      setTimeout: (call: Callback, ms?: number, ...args: unknown[]) => this.#set(call, ms, args, false),
      setInterval: (call: Callback, ms?: number, ...args: unknown[]) => this.#set(call, ms, args, true),
      clearTimeout: clear,
      clearInterval: clear,
    };
  }

  #set(callback: Callback, ms: number | undefined, args: readonly unknown[], repeats: boolean): TimerHandle {
    this.#made += 1;
    const id = this.#made;
    const delayMs = Math.max(repeats ? 1 : 0, Number(ms) || 0);
    const call = (): void => callback(...args);
    this.#timers.set(id, {
      dueAt: this.#now + delayMs,
      order: id,
      everyMs: repeats ? delayMs : undefined,
      call,
    });
    if (delayMs === 0) this.#turnSoon();
    return new TimerHandle(id, () => this.#timers.has(id));
  }

  #earliest(): [id: number, timer: FakeTimer] | undefined {
    return [...this.#timers].reduce<[number, FakeTimer] | undefined>((first, each) => {
      const [, a] = each;
      const b = first?.[1];
      return b === undefined || a.dueAt < b.dueAt || (a.dueAt === b.dueAt && a.order < b.order)
        ? each
        : first;
    }, undefined);
  }

  #fire(id: number, timer: FakeTimer): void {
    this.#timers.delete(id);
    if (timer.everyMs !== undefined) this.#timers.set(id, { ...timer, dueAt: this.#now + timer.everyMs });
    timer.call();
  }

  /** Timers that are due fire in the next turn of the real event loop. */
  #turnSoon(): void {
    if (this.#turning) return;
    this.#turning = true;
    this.#real.setTimeout(() => {
      this.#turning = false;
      if (installed !== this) return;
      const next = this.#earliest();
      if (next && next[1].dueAt <= this.#now) {
        // One a turn: what follows from it comes before the next.
        this.#turnSoon();
        this.#fire(...next);
      }
    }, 0);
  }

  /** Lets promises settle, and timers of 0 ms fire, until there are none. */
  async #turnUntilQuiet(): Promise<void> {
    do {
      await new Promise<void>((resolve) => void this.#real.setTimeout(resolve, 0));
    } while (this.#turning);
  }
}

type Callback = (...args: unknown[]) => void;

/**
 * What setTimeout gives: in Node an object that can be told not to keep the process alive,
 * elsewhere a number.
 */
class TimerHandle {
  readonly #id: number;
  readonly #isSet: () => boolean;

  constructor(id: number, isSet: () => boolean) {
    this.#id = id;
    this.#isSet = isSet;
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
  hasRef(): boolean {
    return this.#isSet();
  }
  [Symbol.toPrimitive](): number {
    return this.#id;
  }
}
