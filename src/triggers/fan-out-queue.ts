// Other drains through Cloudflare Queues: a message for each, and an invocation for each message,
// which has an isolate where Queues puts it.
import type { Backlog, Report } from "../index.ts";
import { lostReport } from "./lost-report.ts";

/** A Queue's producer binding, as far as it is used here. */
export interface DrainQueue {
  /** Sends all of them at once, or none. */
  sendBatch(messages: Iterable<{ readonly body: unknown }>): Promise<unknown>;
}

/** Queues take so many messages in one batch. */
const MAX_BATCH = 100;

/**
 * Sends a message for each drain. What the drains come to their own consumer tells; here only what
 * the Queue did not take is reported. Never rejects.
 */
export async function sendToQueue(
  queue: DrainQueue | undefined,
  drains: number,
  backlog: Backlog,
): Promise<Report[]> {
  const startedAt = new Date();
  const messages = Array.from({ length: drains }, () => ({ body: { drain: backlog.consumer } }));
  try {
    if (!queue) throw new Error("there is no such binding");
    for (let sent = 0; sent < drains; sent += MAX_BATCH) {
      await queue.sendBatch(messages.slice(sent, sent + MAX_BATCH));
    }
    return [];
  } catch (error) {
    const why = error instanceof Error ? error.message : typeof error;
    return [lostReport(`the queue did not take its message: ${why}`, backlog, startedAt)];
  }
}
