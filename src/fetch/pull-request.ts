// What a pull request says. Pure.
import { NANOS_PER_MS } from "../deadline.ts";

/** How a pull request takes part in a priority group (ADR-42). */
export interface PriorityGroup {
  /** Its name. */
  readonly group: string;
  /** With policy `overflow`: only while so many messages are pending. Whole number from 1. @default none */
  readonly minPending?: number;
  /**
   * With policy `overflow`: only while so many messages wait for their ack. Whole number from 1.
   * @default none
   */
  readonly minAckPending?: number;
  /** With policy `prioritized`: 0 (first) to 9. @default nats-server's, 0 */
  readonly priority?: number;
}

/** One pull request. Times in milliseconds. */
export interface PullRequest {
  readonly batch: number;
  readonly maxBytes: number;
  /** How long it waits for a first message; with `fill`, for all of them. */
  readonly expiresMs: number;
  /** 0: none. */
  readonly heartbeatMs: number;
  readonly fill: boolean;
  readonly priorityGroup: PriorityGroup | undefined;
  readonly pinId: string | undefined;
}

// nats-server waits for the first message up to `expires` under no_wait with expires ("one-shot"),
// and a bare no_wait parks forever at max_ack_pending; so a pull always carries an `expires`, of at
// least this.
const MIN_EXPIRES_MS = 1;

/** The body of the request (ADR-37), its times in nanoseconds. */
export function pullBody({
  batch,
  maxBytes,
  expiresMs,
  heartbeatMs,
  fill,
  priorityGroup,
  pinId,
}: PullRequest): string {
  return JSON.stringify({
    batch,
    max_bytes: maxBytes,
    group: priorityGroup?.group,
    min_pending: priorityGroup?.minPending,
    min_ack_pending: priorityGroup?.minAckPending,
    priority: priorityGroup?.priority,
    id: pinId,
    expires: Math.max(Math.floor(expiresMs), MIN_EXPIRES_MS) * NANOS_PER_MS,
    ...(fill ? {} : { no_wait: true }),
    ...(heartbeatMs > 0 ? { idle_heartbeat: heartbeatMs * NANOS_PER_MS } : {}),
  });
}
