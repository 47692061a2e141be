// What the consumer says of itself, whole: a drain reads a part of it only.
import type { Connection } from "../../connection/connection.ts";
import { apiPrefix, requestJetStream } from "../../connection/jetstream.ts";
import type { ConsumerConfigFacts } from "../../report/preflight.ts";
import { consumerFacts } from "../../report/preflight-info.ts";
import type { ConsumerCounts } from "./evidence.ts";
import { ASK_MS } from "./probe.ts";
import type { DoctorSettings } from "./settings.ts";

export interface ConsumerAnswer {
  readonly facts: ConsumerConfigFacts;
  readonly counts: ConsumerCounts;
}

interface ConsumerInfo {
  readonly stream_name: string;
  readonly name: string;
  readonly num_pending: number;
  readonly num_ack_pending: number;
  readonly num_redelivered: number;
  readonly num_waiting: number;
  readonly paused?: boolean;
  readonly delivered: { readonly stream_seq: number };
  readonly ack_floor: { readonly stream_seq: number };
  readonly config: Readonly<Record<string, unknown>>;
}

/** @throws what `requestJetStream` throws */
export async function askConsumer(
  { nats }: Connection,
  { stream, consumer, domain }: DoctorSettings,
): Promise<ConsumerAnswer> {
  const subject = `${apiPrefix(domain)}.CONSUMER.INFO.${stream}.${consumer}`;
  const info = await requestJetStream<ConsumerInfo>(nats, subject, "", { timeoutMs: ASK_MS });
  return {
    facts: consumerFacts(info),
    counts: {
      pending: info.num_pending,
      unacked: info.num_ack_pending,
      redelivered: info.num_redelivered,
      waiting: info.num_waiting,
      paused: info.paused === true,
      lastDelivered: info.delivered.stream_seq,
      settledUpTo: info.ack_floor.stream_seq,
    },
  };
}
