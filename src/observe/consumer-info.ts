// What the consumer says of itself, whole: a drain reads a part of it only.
import type { NatsConnection } from "@nats-io/nats-core";
import { UnreadableAnswerError } from "../connection/jetstream.ts";
import type { ConsumerConfigFacts } from "../report/preflight.ts";
import { consumerFacts } from "../report/preflight-info.ts";
import { type ConsumerKey, countOf, readCounts, requestConsumerInfo } from "./consumer-state.ts";
import type { ConsumerCounts } from "./known.ts";
import { textsOf } from "./names.ts";
import { isCount } from "./totals.ts";

export interface ConsumerAnswer {
  readonly facts: ConsumerConfigFacts;
  readonly counts: ConsumerCounts;
}

/**
 * @param timeoutMs how long to wait for the answer, in milliseconds
 * @throws what `requestJetStream` throws
 * @throws {UnreadableAnswerError} when the answer lacks what JetStream's has
 */
export async function askConsumer(
  nats: NatsConnection,
  key: ConsumerKey,
  timeoutMs: number,
): Promise<ConsumerAnswer> {
  const info = await requestConsumerInfo(nats, key, timeoutMs);
  const config = membersOf(info.config);
  const delivered = membersOf(info.delivered);
  return {
    facts: consumerFacts({ stream_name: key.stream, name: key.consumer, config }),
    counts: {
      ...readCounts(info),
      paused: info.paused === true,
      lastDelivered: countOf(delivered.stream_seq),
      settledUpTo: countOf(membersOf(info.ack_floor).stream_seq),
      delivered: isCount(delivered.consumer_seq) ? delivered.consumer_seq : undefined,
      deliverPolicy: typeof config.deliver_policy === "string" ? config.deliver_policy : undefined,
      priorityGroups: textsOf(config.priority_groups),
    },
  };
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new UnreadableAnswerError();
  return { ...value };
}
