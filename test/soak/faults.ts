// Causes the faults of a round at their times, and undoes what is left of them with its end.
import type { TestProxy } from "../support/proxy.ts";
import type { ServerFault, TimedFault } from "./plan.ts";

/** What faults are caused to. */
export interface Victims {
  readonly proxy: TestProxy;
  /** Does it to the server, where the lane has one of its own. */
  readonly harm: (fault: ServerFault) => Promise<void>;
  /** Whether the stream of dead letters takes its subject. */
  readonly deadLetters: (present: boolean) => Promise<void>;
}

/** Runs the drains while the faults happen. */
export async function withFaults(
  faults: readonly TimedFault[],
  victims: Victims,
  drains: () => Promise<unknown>,
): Promise<void> {
  const { proxy, harm } = victims;
  const done: Promise<void>[] = [];
  const timers = faults.map(({ atMs, what }) =>
    setTimeout(() => {
      done.push(cause(what, victims));
    }, atMs),
  );
  try {
    await drains();
  } finally {
    timers.forEach(clearTimeout);
    await Promise.all(done);
    await harm("thaw");
    proxy.restore();
    proxy.latencyMs = 0;
    proxy.cut();
  }
}

async function cause(what: TimedFault["what"], { proxy, harm, deadLetters }: Victims): Promise<void> {
  switch (what) {
    case "cut":
      return proxy.cut();
    case "half-open":
      return proxy.halfOpen();
    case "deaf":
      return proxy.blackhole("down");
    case "mute":
      return proxy.blackhole("up");
    case "blackhole":
      return proxy.blackhole("both");
    case "slow":
      proxy.latencyMs = 60;
      return;
    case "refuse":
      return proxy.refuseNew();
    case "restore":
      return proxy.restore();
    case "dead-away":
      return await deadLetters(false);
    case "dead-back":
      return await deadLetters(true);
    default:
      return await harm(what);
  }
}
