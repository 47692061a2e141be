// The watch on the heartbeat: silence of twice the heartbeat, while a pull request is outstanding, is a loss.
import { clampDelay, type Deadline, now } from "../deadline.ts";

// How late the end of a wait without heartbeats may be told: a server that is busy is not one that is gone.
const SLACK_MS = 1_000;
// A look that comes so late says that this process stood still. It looks again after a while, so often
// in a row: under handlers that never wait, Deno needs five of their turns to bring a frame.
const STALLED_MS = 20;
const AFTER_STALL_MS = 1_000;
const MAX_STALLS = 5;

export interface SilenceBounds {
  /** 0: the server was asked for none, and only the end of the wait can be missed. */
  readonly heartbeatMs: number;
  /** How long the pull request waits, in milliseconds. */
  readonly expiresMs: number;
  /** How long the first answer may take on its way: an upper bound of a round trip, in milliseconds. */
  readonly firstAnswerMs: number;
  readonly deadline: Deadline;
}

export interface SilenceWatch {
  /** Something came on the inbox. */
  frame(): void;
  stop(): void;
}

/** What is late: the drain itself, or the server, which has been silent for so long. */
export type Late = "deadline" | { readonly silentMs: number };

/**
 * Calls `late` once, when the inbox was silent for two heartbeats or when the deadline has come.
 * With the event loop blocked frames wait behind this very timer, so a silence is looked at a
 * second time, a turn later, before it counts. What stops this process, as a machine that is short
 * of CPU time or is paused, may stop the server too: a look that comes late proves no silence, and
 * the next one gives the server time.
 */
export function watchSilence(bounds: SilenceBounds, late: (how: Late) => void): SilenceWatch {
  const { heartbeatMs, expiresMs, firstAnswerMs, deadline } = bounds;
  const startedAt = now();
  const lossMs = 2 * heartbeatMs;
  // Until the first frame an answer may need a long way.
  let allowedMs =
    heartbeatMs > 0 ? Math.max(lossMs, firstAnswerMs) : expiresMs + Math.max(SLACK_MS, 2 * firstAnswerMs);
  let lastFrameAt = startedAt;
  let suspicious = false;
  let stalls = 0;
  let dueAt = startedAt;
  let isStamped = false;
  let id: ReturnType<typeof setTimeout>;

  const look = (): void => {
    const at = now();
    const silentMs = at - lastFrameAt;
    if (at >= deadline) {
      late("deadline");
    } else if (silentMs < allowedMs) {
      trust(allowedMs - silentMs);
    } else if (at - dueAt > STALLED_MS && stalls < MAX_STALLS) {
      stalls += 1;
      suspicious = true;
      arm(Math.min(AFTER_STALL_MS, allowedMs / 4));
    } else if (suspicious) {
      late({ silentMs: Math.round(silentMs) });
    } else {
      suspicious = true;
      arm(Math.min(100, Math.max(10, heartbeatMs / 2)));
    }
  };
  const trust = (waitMs: number): void => {
    suspicious = false;
    stalls = 0;
    arm(waitMs);
  };
  const arm = (waitMs: number): void => {
    const at = now();
    const delayMs = Math.min(waitMs, deadline - at);
    dueAt = at + delayMs;
    // A timer may fire a fraction of a millisecond early, which would be a look for nothing.
    id = setTimeout(look, clampDelay(Math.ceil(delayMs)));
  };
  arm(allowedMs);

  return {
    frame: () => {
      // Once for all that comes in one turn: a look at the clock per message is what one sees of it.
      if (isStamped) return;
      isStamped = true;
      queueMicrotask(() => {
        isStamped = false;
      });
      lastFrameAt = now();
      if (heartbeatMs === 0) return;
      allowedMs = lossMs;
      // A look that would see nothing wakes the function up, which costs more than to put it off.
      if (dueAt - lastFrameAt > 1.5 * heartbeatMs) return;
      clearTimeout(id);
      trust(lossMs);
    },
    stop: () => clearTimeout(id),
  };
}
