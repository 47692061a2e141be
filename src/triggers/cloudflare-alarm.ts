// The alarm of a Durable Object: a chain of drains that needs no cron, and that no failure ends.
import { checkWholeNumber } from "../checks.ts";
import type { Drain } from "../drain.ts";
import type { Report } from "../report/report.ts";
import { given, LIMITS_MS, runDrain, type TriggerOptions } from "./limit.ts";

/** A year. */
const MAX_EVERY_MS = 366 * 24 * 3_600_000;

/** A Durable Object's storage, as far as it is used here. */
export interface AlarmStorage {
  /** Sets the one alarm of the object, in milliseconds since the epoch. */
  setAlarm(scheduledTime: number): Promise<void>;
}

/** How often the alarm drains. */
export interface AlarmOptions<Env> extends TriggerOptions<Env> {
  /**
   * Time from one drain's start to the next, in milliseconds from 1. A drain that its limit ended, as
   * each with `until: "limit"`, is followed at once.
   * @default 60000
   */
  readonly everyMs?: number | undefined;
}

/**
 * The `alarm` of a Durable Object. It sets the next alarm before it drains: an invocation that is
 * cut off ends no chain. Then it brings that alarm forward where there is more, where the drain ended
 * by its limit, or where the report says when another try is worth it. It does not throw for a
 * report, since Workers give up an alarm that threw six times.
 *
 * @throws {TypeError} `everyMs` is no number
 * @throws {RangeError} `everyMs` is out of its range
 * @example
 * const drainOrders = drainAlarm(orders);
 * export class Drains extends DurableObject<Env> {
 *   override async alarm() {
 *     await drainOrders(this.ctx.storage, this.env);
 *   }
 * }
 */
export function drainAlarm<Env>(
  drain: Drain<Env>,
  options: AlarmOptions<Env> = {},
): (storage: AlarmStorage, env: Env) => Promise<Report> {
  const { everyMs = 60_000 } = options;
  // A text, as a var is, would be put behind the time as one more figure, and end the chain.
  checkWholeNumber("everyMs", everyMs, 1, MAX_EVERY_MS);
  return async (storage, env) => {
    const next = Date.now() + everyMs;
    await storage.setAlarm(next);
    const limitMs = given(options.limitMs, env) ?? LIMITS_MS.alarm;
    const report = await runDrain(drain, env, { limitMs }, options.onReport);
    const sooner = Date.now() + waitMs(report);
    if (sooner < next) await storage.setAlarm(sooner);
    return report;
  };
}

/** How long the next drain may wait, in milliseconds; without end where the usual time will do. */
function waitMs({ outcome, reason, more, retryAfterMs = 1_000 }: Report): number {
  if (outcome === "retryable") return retryAfterMs;
  const goesOn = more || reason === "deadline";
  return outcome === "completed" && goesOn ? 0 : Number.POSITIVE_INFINITY;
}
