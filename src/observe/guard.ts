// Stands between a drain and its observer: one that throws is told of no more, and harms nothing.
import type { Journal } from "../report/journal.ts";
import type { ObservedMessage, Observer } from "./observer.ts";

/**
 * The observer with every call guarded; undefined where there is none, so that a drain without one
 * pays nothing.
 */
export function guardObserver(observer: Observer | undefined, journal: Journal): Observer | undefined {
  if (!observer) return undefined;
  let told = observer;
  let failed = false;
  const fail = (name: string): undefined => {
    failed = true;
    journal.note("observer-failed", name);
  };
  const guard = <T>(name: string, call: () => T): T | undefined => {
    if (failed) return undefined;
    try {
      const result = call();
      // A rejection that nobody waits for would end a Node process; one that is waited for, the drain.
      // What runs a handler gives the handler's own promise, whose rejection is not the observer's.
      if (result instanceof Promise) result.catch(() => (name === "run" ? undefined : fail(name)));
      return result;
    } catch {
      return fail(name);
    }
  };
  return {
    start: (drain) => {
      const own: unknown = guard("start", () => observer.start?.(drain));
      // An async function's promise is no observer.
      if (typeof own === "object" && own !== null && !(own instanceof Promise)) told = own;
    },
    connected: (connection) => guard("connected", () => told.connected?.(connection)),
    fetched: (fetch) => guard("fetched", () => told.fetched?.(fetch)),
    message: (message) => {
      const observed = guard("message", () => told.message?.(message));
      return observed && guardMessage(observed, guard);
    },
    settled: (counts) => guard("settled", () => told.settled?.(counts)),
    report: async (report) => {
      await Promise.resolve(guard("report", () => told.report?.(report))).catch(() => {});
    },
  };
}

type Guard = <T>(name: string, call: () => T) => T | undefined;

function guardMessage(observed: ObservedMessage, guard: Guard): ObservedMessage {
  const { run, headers } = observed;
  return {
    ...(run
      ? {
          run: <T>(handler: () => T) =>
            runOnce((call: () => T) => run.call(observed, call) as T, handler, guard),
        }
      : {}),
    ...(headers ? { headers } : {}),
    end: (end) => void guard("end", () => observed.end?.(end)),
  };
}

/** The handler's own result or error, whatever the observer does around it. */
function runOnce<T>(run: (handler: () => T) => T, handler: () => T, guard: Guard): T {
  let outcome: { readonly value: T } | { readonly error: unknown } | undefined;
  guard("run", () =>
    run(() => {
      try {
        const value = handler();
        outcome = { value };
        return value;
      } catch (error) {
        outcome = { error };
        throw error;
      }
    }),
  );
  // Not called: the observer failed before it came to it.
  if (!outcome) return handler();
  const ended = outcome as { readonly value: T } | { readonly error: unknown }; // assigned in the callback
  if ("error" in ended) throw ended.error;
  return ended.value;
}
