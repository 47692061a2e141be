// A message of Cloudflare Queues as the trigger of a drain: acked when it ran, retried after the
// report's own wait.
import type { Drain } from "../drain.ts";
import { given, LIMITS_MS, runDrain, type TriggerOptions } from "./limit.ts";
import { logFatal } from "./throw.ts";

/** A batch of Cloudflare Queues, as far as it is used here. Its messages only say that there is work. */
export interface MessageBatch {
  /** None of its messages comes again. */
  ackAll(): void;
  /** All of its messages come again, after `delaySeconds`. */
  retryAll(options?: { delaySeconds?: number }): void;
}

/** The longest delay that Queues take: 24 hours (cloudflare/cloudflare-docs #28335). */
const MAX_DELAY_SECONDS = 86_400;

/**
 * The `queue` handler of a Worker: one drain per batch. It acks the batch when the drain completed,
 * and retries it after the report's `retryAfterMs` where that may help. It acks it too where only
 * an operator can help, since each retry would fail alike: `onReport` hears of it, or else the log
 * does.
 *
 * @example
 * export default { queue: drainOnMessage(orders) };
 */
export function drainOnMessage<Env>(
  drain: Drain<Env>,
  options: TriggerOptions<Env> = {},
): (batch: MessageBatch, env: Env) => Promise<void> {
  return async (batch, env) => {
    const limitMs = given(options.limitMs, env) ?? LIMITS_MS.queue;
    const report = await runDrain(drain, env, { limitMs }, options.onReport);
    if (report.outcome === "retryable") {
      const delaySeconds = Math.ceil((report.retryAfterMs ?? 1_000) / 1_000);
      return batch.retryAll({ delaySeconds: Math.min(delaySeconds, MAX_DELAY_SECONDS) });
    }
    logFatal(report, options.onReport);
    batch.ackAll();
  };
}
