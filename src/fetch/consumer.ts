// What the consumer says of itself, asked for in the same flight as the pull: ack wait, max deliver, backoff, pending.
import type { ConsumerInfo } from "@nats-io/jetstream";
import { createInbox, type Msg } from "@nats-io/nats-core";
import type { Connection } from "../connection/connection.ts";
import { classifyInfoError, deniedSubject } from "../connection/failure.ts";
import { apiPrefix, readAnswer } from "../connection/jetstream.ts";
import { type Deadline, NANOS_PER_MS, waitUntil } from "../deadline.ts";
import { type Ending, ending } from "../report/reasons.ts";

/** The part of a consumer's configuration and state that a drain uses. Times in milliseconds. */
export interface ConsumerFacts {
  readonly ackWaitMs: number;
  /** Undefined: no limit. */
  readonly maxDeliver: number | undefined;
  readonly backoffMs: readonly number[];
  /** Messages not delivered yet. */
  readonly pending: number;
  readonly ackPending: number;
  readonly maxAckPending: number;
  /** Pull requests that waited when it was asked, this drain's own perhaps among them. */
  readonly waiting: number;
  readonly maxWaiting: number;
  readonly paused: boolean;
  /** Without activity for so long the server deletes the consumer; 0: never. */
  readonly inactiveThresholdMs: number;
}

/** Unknown when the user may not ask, or nothing answered: a drain goes on without. */
export type ConsumerAnswer =
  | { readonly kind: "known"; readonly facts: ConsumerFacts }
  | { readonly kind: "unknown" }
  | { readonly kind: "failed"; readonly ending: Ending };

export interface ConsumerQuestion {
  readonly stream: string;
  readonly consumer: string;
  readonly domain?: string | undefined;
  readonly inboxPrefix?: string | undefined;
}

/** Asks for consumer info. Never rejects; settles by `deadline`, or when the connection ends. */
export async function askConsumer(
  connection: Connection,
  { stream, consumer, domain, inboxPrefix }: ConsumerQuestion,
  deadline: Deadline,
): Promise<ConsumerAnswer> {
  const subject = `${apiPrefix(domain)}.CONSUMER.INFO.${stream}.${consumer}`;
  const msg = await ask(connection, subject, createInbox(inboxPrefix), deadline);
  if (!msg) return { kind: "unknown" };
  try {
    const info = readAnswer<ConsumerInfo>(msg);
    if (info.config.deliver_subject) {
      return {
        kind: "failed",
        ending: ending("not-a-pull-consumer", `Consumer "${consumer}" of stream "${stream}".`),
      };
    }
    return { kind: "known", facts: consumerFacts(info) };
  } catch (error) {
    const end = classifyInfoError(error, stream, consumer);
    return end ? { kind: "failed", ending: end } : { kind: "unknown" };
  }
}

/**
 * One question, over a subscription of its own: `request` of nats-core sets up for many, which is a twentieth of an empty drain's
 * CPU time. Undefined when the user may not ask or hear, or no answer came.
 */
async function ask(
  connection: Connection,
  subject: string,
  inbox: string,
  deadline: Deadline,
): Promise<Msg | undefined> {
  const { nats } = connection;
  if (nats.isClosed()) return undefined;
  const { promise, resolve } = Promise.withResolvers<Msg | undefined>();
  nats.subscribe(inbox, { max: 1, callback: (error, msg) => resolve(error ? undefined : msg) });
  const unwatch = connection.watch((status) => {
    if (deniedSubject(status)?.subject === subject) resolve(undefined);
  });
  void connection.lost().then(() => resolve(undefined));
  nats.publish(subject, "", { reply: inbox });
  const answer = await waitUntil(promise, deadline);
  unwatch();
  return answer.done ? answer.value : undefined;
}

function consumerFacts({ config, ...info }: ConsumerInfo): ConsumerFacts {
  const { max_deliver: maxDeliver = -1 } = config;
  return {
    ackWaitMs: (config.ack_wait ?? 30_000 * NANOS_PER_MS) / NANOS_PER_MS,
    maxDeliver: maxDeliver > 0 ? maxDeliver : undefined,
    backoffMs: (config.backoff ?? []).map((nanos) => nanos / NANOS_PER_MS),
    pending: info.num_pending,
    ackPending: info.num_ack_pending,
    maxAckPending: config.max_ack_pending ?? -1,
    waiting: info.num_waiting,
    maxWaiting: config.max_waiting ?? 512,
    paused: info.paused === true,
    inactiveThresholdMs: (config.inactive_threshold ?? 0) / NANOS_PER_MS,
  };
}
