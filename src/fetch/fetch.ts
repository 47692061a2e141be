// One pull request: deliveries out as they arrive, a watch on the heartbeat, and always an answer to how it ended.
import { createInbox, type Msg, type Status } from "@nats-io/nats-core";
import type { Connection } from "../connection/connection.ts";
import {
  classifyConnectionLoss,
  classifyPermission,
  classifyStatus,
  deniedSubject,
  type FetchEnd,
} from "../connection/failure.ts";
import { apiPrefix } from "../connection/jetstream.ts";
import { clampDelay, type Deadline, NANOS_PER_MS } from "../deadline.ts";
import { type Ending, ending } from "../report/reasons.ts";
import type { PriorityGroup } from "./pull-request.ts";

export interface FetchRequest {
  readonly stream: string;
  readonly consumer: string;
  readonly domain?: string | undefined;
  readonly inboxPrefix?: string | undefined;
  readonly batch: number;
  readonly maxBytes: number;
  readonly priorityGroup?: PriorityGroup | undefined;
  readonly pinId?: string | undefined;
  readonly maxWaitMs: number;
  /** 0: none. */
  readonly heartbeatMs: number;
  /** Wait the whole max wait for a full batch. */
  readonly fill: boolean;
  /** How long the first answer may take on the way: an upper bound of a round trip, in milliseconds. */
  readonly firstAnswerMs: number;
  /** The Fetch has ended by then, whatever happens. */
  readonly deadline: Deadline;
}

/** A pull request under way. */
export interface Fetch {
  /** Resolves once, with how it ended; never rejects. */
  readonly ended: Promise<FetchEnd>;
  readonly delivered: number;
  readonly heartbeats: number;
  /** Ends it with `stopped`, or with the failure given. Deliveries on their way still come out, until the next flush. */
  stop(failure?: Ending): void;
  /** Once it has ended: takes its subscription back, which at the end of a drain goes with the connection. */
  forget(): void;
}

// nats-server waits for the first message up to `expires` under no_wait with expires ("one-shot"), and a bare no_wait
// parks forever at max_ack_pending; so a pull always carries an `expires`, of at least this.
const LEAST_EXPIRES_MS = 1;

/** Sends the pull request and hands each delivery to `deliver`, in the order of arrival, from the connection's own callback. */
export function startFetch(
  connection: Connection,
  request: FetchRequest,
  deliver: (msg: Msg) => void,
): Fetch {
  // It may have ended since the last Fetch; nats-core would throw.
  if (connection.nats.isClosed()) return lostFetch(connection);
  const { promise: ended, resolve } = Promise.withResolvers<FetchEnd>();
  const subject = `${apiPrefix(request.domain)}.CONSUMER.MSG.NEXT.${request.stream}.${request.consumer}`;
  const inbox = createInbox(request.inboxPrefix);
  let delivered = 0;
  let heartbeats = 0;
  let open = true;

  const end = (how: FetchEnd): void => {
    if (!open) return;
    open = false;
    watch.stop();
    unwatch();
    // The server's own word is its last. Where it was ours, UNSUB goes out now, and what the server had sent before it
    // still comes to `deliver`: a delivery dropped here would be stuck until its ack wait.
    if (how.kind === "stopped" || how.kind === "failed") void subscription.drain().catch(() => {});
    resolve(how);
  };
  const fail = (failure: Ending): void => end({ kind: "failed", ending: failure });

  const subscription = connection.nats.subscribe(inbox, {
    callback: (error, msg) => {
      if (error) return fail(ending("permission-denied", `Allow the user to subscribe to "${inbox}".`));
      watch.frame();
      if (msg.reply) {
        delivered += 1;
        deliver(msg);
        if (delivered >= request.batch) end({ kind: "batch-full" });
        return;
      }
      const { code = 0, description = "" } = msg.headers ?? {};
      if (code === 100) heartbeats += 1;
      const how = classifyStatus({ code, description, fill: request.fill, delivered });
      if (how) end(how);
    },
  });

  let shuttingDown = false;
  const watch = watchSilence(request, (late) => {
    if (late === "deadline") end({ kind: "stopped" });
    else if (shuttingDown) fail(ending("server-shutdown", "It had announced it (lame duck mode)."));
    else fail(ending("heartbeat-lost", `No frame for ${late.silentMs} ms. Check that the server is alive.`));
  });

  const unwatch = connection.watch((status: Status) => {
    if (status.type === "ldm") shuttingDown = true;
    const denied = deniedSubject(status);
    if (denied && denied.subject === subject) fail(classifyPermission(denied));
  });
  void connection.lost().then((error) => fail(classifyConnectionLoss(error, shuttingDown)));

  connection.nats.publish(subject, pullRequest(request), { reply: inbox });

  return {
    ended,
    get delivered() {
      return delivered;
    },
    get heartbeats() {
      return heartbeats;
    },
    stop: (failure) => (failure ? fail(failure) : end({ kind: "stopped" })),
    forget: () => subscription.unsubscribe(),
  };
}

/** The Fetch that a connection which has ended can make. */
function lostFetch(connection: Connection): Fetch {
  const ended = connection
    .lost()
    .then((error): FetchEnd => ({ kind: "failed", ending: classifyConnectionLoss(error, false) }));
  return { ended, delivered: 0, heartbeats: 0, stop: () => {}, forget: () => {} };
}

/** The body of the request (ADR-37), its times in nanoseconds. */
function pullRequest({
  batch,
  maxBytes,
  maxWaitMs,
  heartbeatMs,
  fill,
  priorityGroup,
  pinId,
}: FetchRequest): string {
  return JSON.stringify({
    batch,
    max_bytes: maxBytes,
    group: priorityGroup?.group,
    min_pending: priorityGroup?.minPending,
    min_ack_pending: priorityGroup?.minAckPending,
    priority: priorityGroup?.priority,
    id: pinId,
    expires: Math.max(maxWaitMs, LEAST_EXPIRES_MS) * NANOS_PER_MS,
    ...(fill ? {} : { no_wait: true }),
    ...(heartbeatMs > 0 ? { idle_heartbeat: heartbeatMs * NANOS_PER_MS } : {}),
  });
}

interface SilenceWatch {
  /** Something came on the inbox. */
  frame(): void;
  stop(): void;
}

/**
 * Calls `late` when the inbox was silent for two heartbeats, or when the deadline has come. With the event loop blocked
 * frames wait behind this very timer, so a silence is looked at a second time, a turn later, before it counts.
 */
function watchSilence(
  request: FetchRequest,
  late: (how: "deadline" | { readonly silentMs: number }) => void,
): SilenceWatch {
  const { heartbeatMs, maxWaitMs, firstAnswerMs, deadline } = request;
  const startedAt = Date.now();
  const lossMs = 2 * heartbeatMs;
  // Until the first frame an answer may need a long way; without heartbeats only the end of the wait can be missed.
  let allowedMs =
    heartbeatMs > 0 ? Math.max(lossMs, firstAnswerMs) : maxWaitMs + Math.max(500, 2 * firstAnswerMs);
  let lastFrameAt = startedAt;
  let suspicious = false;
  let id: ReturnType<typeof setTimeout>;

  const look = (): void => {
    const now = Date.now();
    const silentMs = now - lastFrameAt;
    if (now >= deadline) {
      late("deadline");
    } else if (silentMs < allowedMs) {
      suspicious = false;
      arm(Math.min(allowedMs - silentMs, deadline - now));
    } else if (suspicious) {
      late({ silentMs });
    } else {
      suspicious = true;
      arm(Math.min(100, Math.max(10, heartbeatMs / 2)));
    }
  };
  const arm = (delayMs: number): void => {
    id = setTimeout(look, clampDelay(delayMs));
  };
  arm(Math.min(allowedMs, deadline - startedAt));

  return {
    frame: () => {
      lastFrameAt = Date.now();
      if (heartbeatMs > 0) allowedMs = lossMs;
    },
    stop: () => clearTimeout(id),
  };
}
