// What a consumer says of itself when it is asked beside a drain: for the dashboard, the metrics
// and `sluice status`.
import type { NatsConnection } from "@nats-io/nats-core";
import { apiPrefix, requestJetStream, UnreadableAnswerError } from "../connection/jetstream.ts";
import type { ConsumerState } from "./prometheus.ts";
import { isCount } from "./totals.ts";

/** Which consumer. */
export interface ConsumerKey {
  readonly stream: string;
  readonly consumer: string;
  readonly domain?: string | undefined;
}

/** The server's answer: anything, until it is looked at. */
type ConsumerInfo = Readonly<Record<string, unknown>>;

/**
 * Asks for the consumer's state.
 *
 * @param timeoutMs how long to wait for the answer, in milliseconds
 * @throws {UnreadableAnswerError} when the answer has no such counts
 * @throws what {@link requestJetStream} throws
 */
export async function readConsumerState(
  nats: NatsConnection,
  key: ConsumerKey,
  timeoutMs: number,
): Promise<ConsumerState> {
  const { stream, consumer } = key;
  return { stream, consumer, ...readCounts(await requestConsumerInfo(nats, key, timeoutMs)) };
}

/** @throws what {@link requestJetStream} throws */
export async function requestConsumerInfo(
  nats: NatsConnection,
  { stream, consumer, domain }: ConsumerKey,
  timeoutMs: number,
): Promise<ConsumerInfo> {
  const subject = `${apiPrefix(domain)}.CONSUMER.INFO.${stream}.${consumer}`;
  return await requestJetStream<ConsumerInfo>(nats, subject, "", { timeoutMs });
}

/** @throws {UnreadableAnswerError} when the answer has no such counts */
export function readCounts(info: ConsumerInfo): Omit<ConsumerState, keyof ConsumerKey> {
  return {
    pending: countOf(info.num_pending),
    unacked: countOf(info.num_ack_pending),
    redelivered: countOf(info.num_redelivered),
    waiting: countOf(info.num_waiting),
  };
}

/**
 * A metric is made of it, where text would be another line.
 *
 * @throws {UnreadableAnswerError} when it is no count
 */
export function countOf(value: unknown): number {
  if (!isCount(value)) throw new UnreadableAnswerError();
  return value;
}
