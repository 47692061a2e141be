// Puts a drain's parts together: what pulls, what handles, what settles.
import type { Budget } from "./budget.ts";
import type { Connection } from "./connection/connection.ts";
import { classifyPermission } from "./connection/failure.ts";
import type { Inboxes } from "./connection/inbox.ts";
import { LazyConnection } from "./connection/isolated.ts";
import { seedOf } from "./connection/login.ts";
import type { Deadline } from "./deadline.ts";
import { type Backlog, BacklogTeller, type OneDrain } from "./fetch/backlog.ts";
import type { Consumer } from "./fetch/consumer.ts";
import type { FetchPlan } from "./fetch/plan.ts";
import { Puller } from "./fetch/puller.ts";
import { BatchPool } from "./handle/batch-pool.ts";
import { FailureStreak, HandlerEnds } from "./handle/ends.ts";
import { handlerDeadline, type Pool, type PoolParts } from "./handle/handler.ts";
import { HandlerPool } from "./handle/handler-pool.ts";
import { InFlight } from "./handle/in-flight.ts";
import type { RawMessage } from "./message/received.ts";
import { valueReader } from "./message/value.ts";
import type { Observer } from "./observe/observer.ts";
import type { Resolved } from "./options.ts";
import type { Journal } from "./report/journal.ts";
import { withoutCopies } from "./settle/copy.ts";
import { type KeepAlive, keepAlive } from "./settle/keep-alive.ts";
import { Outbox, POST_EVERY } from "./settle/outbox.ts";
import { type Publish, Publisher } from "./settle/publish.ts";
import { Receipts } from "./settle/receipts.ts";
import { Reserve } from "./settle/reserve.ts";
import { asksIfKept, asksRetention } from "./settle/retention.ts";
import { Settler } from "./settle/settler.ts";
import type { Stop } from "./stop.ts";

/** When each part of the drain has to be over. */
export interface Deadlines {
  readonly connect: Deadline;
  readonly handle: Deadline;
  readonly settle: Deadline;
}

export interface RunParts<Env> {
  readonly connection: Connection;
  readonly inboxes: Inboxes;
  readonly consumer: Consumer;
  readonly options: Resolved<Env>;
  readonly budget: Budget;
  readonly deadlines: Deadlines;
  readonly journal: Journal;
  readonly observer: Observer | undefined;
  readonly env: Env;
  readonly start: { readonly at: Deadline; readonly date: Date };
  /** How long connecting took, in milliseconds. */
  readonly connectMs: number;
  readonly signal: AbortSignal;
  readonly onBacklog: ((backlog: Backlog) => void) | undefined;
}

type AssemblyParts<Env> = RunParts<Env> & { readonly stop: Stop };

export interface Parts {
  readonly pool: Pool;
  readonly puller: Puller;
  /** Deliveries so far. */
  readonly fetched: () => number;
  readonly outbox: Outbox;
  readonly reserve: Reserve;
  readonly streak: FailureStreak;
  readonly alive: KeepAlive;
  readonly isolated: LazyConnection | undefined;
}

export function assemble<Env>(given: AssemblyParts<Env>): Parts {
  const { connection, consumer, options, budget, deadlines, journal, stop } = given;
  const isolated = options.isolatePublisher
    ? new LazyConnection({ ...options, name: `${options.name}-publisher` }, deadlines.handle, (denied) => {
        if (denied.subject === options.deadLetter?.subject) journal.deny(classifyPermission(denied));
      })
    : undefined;
  const publisher = new Publisher(async () => (await isolated?.get()) ?? connection);
  const outbox = new Outbox({
    write: (protocol) => connection.write(protocol),
    flush: (by) => connection.flush(by),
    receipts: new Receipts(connection, given.inboxes.answers),
    isClosed: () => connection.ended !== undefined,
    isAwaited: () => !isPlenty(consumer.facts?.maxAckPending),
    confirmEach: options.confirm === "leader",
  });
  // Dead letters, copies of those that could not be published, and the confirmation share the slice.
  const deadline = deadlines.handle + (budget.settleMs * 3) / 8;
  const reserve = new Reserve({ publisher, outbox, journal, domain: options.domain });
  const staysWhenTermed = asksRetention(connection, options);
  const settler = new Settler({
    publisher,
    outbox,
    reserve,
    consumer,
    journal,
    options,
    deadline,
    seed: seedOf(options.auth),
    staysWhenTermed,
    isKept: asksIfKept(publisher),
  });
  const streak = new FailureStreak(options.stopAfterFailures, () => stop.stop("handlers-failing"));
  const ends = new HandlerEnds({ settler, journal, streak, onError: options.onError });
  const publish: Publish = (subject, data, settings = {}) =>
    publisher.publish(subject, data, settings, deadlines.handle);
  const pool = makePool(options, {
    context: {
      env: given.env,
      signal: stop.signal,
      deadline: handlerDeadline(deadlines.handle),
      publish,
      headers: {},
    },
    deadline: deadlines.handle,
    handlerTimeoutMs: options.handlerTimeoutMs,
    readValue: options.deadLetter ? withoutCopies(valueReader(options)) : valueReader(options),
    observer: given.observer,
    settle: (msg, message, end) => inFlight.settle(msg, message, end),
    isLast: (message) => settler.isLast(message),
    failuresLeft: () => streak.left,
    turns: () => connection.turns,
    late: () => stop.stop("deadline"),
    progressed: () => puller.consider(),
  });
  const held = (): RawMessage[] => [...pool.held(), ...reserve.held()];
  const alive = keepAlive(consumer, { held }, outbox, journal);
  const inFlight = new InFlight({
    ...options,
    held,
    journal,
    settle: (msg, message, end) => ends.settle(msg, message, end),
    outbox,
    ackWaitEnded: alive.ackWaitEnded,
  });
  const plan = fetchPlan(given);
  const teller = given.onBacklog && new BacklogTeller(oneDrain(plan), consumer.answered, given.onBacklog);
  const puller = new Puller({
    connection,
    inbox: given.inboxes.deliveries,
    plan,
    consumer,
    journal,
    deliver: (msg) => {
      teller?.delivered(msg);
      if (inFlight.take(msg)) pool.push(msg);
    },
    handling: () => pool.progress,
    failuresLeft: () => streak.left,
    batchEnded: () => pool.endBatch?.(),
  });
  const fetched = (): number => pool.fetched + inFlight.repeated;
  return { pool, puller, fetched, outbox, reserve, streak, alive, isolated };
}

/** Whether so many messages may wait for their acks that the server does not wait for the next ack. */
function isPlenty(maxAckPending: number | undefined): boolean {
  return maxAckPending !== undefined && (maxAckPending <= 0 || maxAckPending >= 2 * POST_EVERY);
}

function makePool<Env>(options: Resolved<Env>, parts: PoolParts<Env>): Pool {
  if (options.batchHandler) return new BatchPool({ ...parts, batchHandler: options.batchHandler });
  const { handler, concurrency, orderBy } = options;
  return new HandlerPool({ ...parts, handler, concurrency, orderBy });
}

/** What one drain takes of the backlog. */
function oneDrain({ stream, consumer, batch, concurrency, prefetch, whole }: FetchPlan): OneDrain {
  const atOnce = whole ? batch : Math.min(batch, concurrency);
  return { stream, consumer, atOnce, firstPull: whole ? batch : Math.min(batch, concurrency + prefetch) };
}

function fetchPlan<Env>({ options, budget, connectMs, deadlines }: AssemblyParts<Env>): FetchPlan {
  const whole = options.batchHandler !== undefined;
  return {
    stream: options.stream,
    consumer: options.consumer,
    domain: options.domain,
    batch: options.batch,
    maxBytes: options.maxBytes,
    fetches: options.fetches,
    fill: options.fill,
    until: options.until,
    priorityGroup: options.priorityGroup,
    concurrency: options.concurrency,
    prefetch: options.prefetch ?? options.concurrency,
    whole,
    maxWaitMs: budget.maxWaitMs,
    heartbeatMs: budget.heartbeatMs,
    // Connecting takes two round trips or more.
    roundTripMs: connectMs,
    deadLetterAfter: options.deadLetter?.maxDeliveries,
    deadline: deadlines.handle,
  };
}
