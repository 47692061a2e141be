// What a consumer says of itself when it is asked beside a drain: for the dashboard, the metrics
// and `sluice status`.
import type { NatsConnection } from "@nats-io/nats-core";
import { apiPrefix, requestJetStream } from "../connection/jetstream.ts";
import type { ConsumerState } from "./prometheus.ts";

/** Which consumer. */
export interface ConsumerKey {
  readonly stream: string;
  readonly consumer: string;
  readonly domain?: string | undefined;
}

/** The part of the server's answer that is read. */
interface ConsumerInfo {
  readonly num_pending: number;
  readonly num_ack_pending: number;
  readonly num_redelivered: number;
  readonly num_waiting: number;
}

/**
 * Asks for the consumer's state.
 *
 * @param timeoutMs how long to wait for the answer, in milliseconds
 * @throws what {@link requestJetStream} throws
 */
export async function readConsumerState(
  nats: NatsConnection,
  { stream, consumer, domain }: ConsumerKey,
  timeoutMs: number,
): Promise<ConsumerState> {
  const subject = `${apiPrefix(domain)}.CONSUMER.INFO.${stream}.${consumer}`;
  const info = await requestJetStream<ConsumerInfo>(nats, subject, "", { timeoutMs });
  return {
    stream,
    consumer,
    pending: info.num_pending,
    unacked: info.num_ack_pending,
    redelivered: info.num_redelivered,
    waiting: info.num_waiting,
  };
}
