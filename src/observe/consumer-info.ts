// What the consumer says of itself, whole: a drain reads a part of it only.
import type { NatsConnection } from "@nats-io/nats-core";
import { apiPrefix, requestJetStream, UnreadableAnswerError } from "../connection/jetstream.ts";
import type { ConsumerConfigFacts } from "../report/preflight.ts";
import { consumerFacts } from "../report/preflight-info.ts";
import { type ConsumerKey, countOf } from "./consumer-state.ts";
import type { ConsumerCounts } from "./evidence.ts";

export interface ConsumerAnswer {
  readonly facts: ConsumerConfigFacts;
  readonly counts: ConsumerCounts;
}

/** The question's answer, and whose it was: anybody who hears it may answer, and name another. */
type Told = Readonly<Record<string, unknown>>;

/**
 * @param timeoutMs how long to wait for the answer, in milliseconds
 * @throws what `requestJetStream` throws
 * @throws {UnreadableAnswerError} when the answer lacks what JetStream's has
 */
export async function askConsumer(
  nats: NatsConnection,
  { stream, consumer, domain }: ConsumerKey,
  timeoutMs: number,
): Promise<ConsumerAnswer> {
  const subject = `${apiPrefix(domain)}.CONSUMER.INFO.${stream}.${consumer}`;
  const info = await requestJetStream<Told>(nats, subject, "", { timeoutMs });
  const config = membersOf(info.config);
  return {
    facts: consumerFacts({ stream_name: stream, name: consumer, config }),
    counts: {
      pending: countOf(info.num_pending),
      unacked: countOf(info.num_ack_pending),
      redelivered: countOf(info.num_redelivered),
      waiting: countOf(info.num_waiting),
      paused: info.paused === true,
      lastDelivered: countOf(membersOf(info.delivered).stream_seq),
      settledUpTo: countOf(membersOf(info.ack_floor).stream_seq),
    },
  };
}

function membersOf(value: unknown): Told {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new UnreadableAnswerError();
  return { ...value };
}
