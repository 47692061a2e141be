// How many drains a backlog is worth. Pure.
import type { Backlog } from "../index.ts";

/**
 * Drains to have at once, the one that asks among them: one for each first pull request that the
 * backlog fills, at most `max`. No more than have room to fill their handlers under max ack pending,
 * and to wait under max waiting: nats-server leaves the others without an answer.
 */
export function drainCount(backlog: Backlog, max: number): number {
  const { pending, ackRoom, pullRoom, atOnce, firstPull } = backlog;
  const worth = Math.ceil(pending / firstPull);
  const settling = ackRoom === undefined ? max : Math.floor(ackRoom / atOnce);
  return Math.max(1, Math.min(worth, max, settling, pullRoom ?? max));
}
