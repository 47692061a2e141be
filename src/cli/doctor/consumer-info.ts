// What the consumer says of itself, whole: a drain reads a part of it only.
import type { Connection } from "../../connection/connection.ts";
import { apiPrefix, requestJetStream } from "../../connection/jetstream.ts";
import { NANOS_PER_MS } from "../../deadline.ts";
import type { ConsumerConfigFacts } from "../../report/preflight.ts";
import type { ConsumerCounts } from "./evidence.ts";
import { ASK_MS } from "./probe.ts";
import type { DoctorSettings } from "./settings.ts";

export interface ConsumerAnswer {
  readonly facts: Partial<ConsumerConfigFacts>;
  readonly counts: ConsumerCounts;
}

interface ConsumerInfo {
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
    facts: toFacts(info.config),
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

function toFacts(config: Readonly<Record<string, unknown>>): Partial<ConsumerConfigFacts> {
  const text = (name: string): string | undefined => textOf(config[name]);
  const number = (name: string, otherwise = 0): number => numberOf(config[name]) ?? otherwise;
  const ms = (name: string): number => number(name) / NANOS_PER_MS;
  const { backoff, filter_subjects: filters } = config;
  const filter = text("filter_subject");
  return {
    ackPolicy: text("ack_policy"),
    deliverSubject: text("deliver_subject"),
    inactiveThresholdMs: ms("inactive_threshold"),
    ackWaitMs: ms("ack_wait"),
    backoffMs: Array.isArray(backoff) ? backoff.map((each) => Number(each) / NANOS_PER_MS) : [],
    maxDeliver: number("max_deliver", -1),
    maxAckPending: number("max_ack_pending", -1),
    maxWaiting: number("max_waiting"),
    maxBatch: number("max_batch"),
    maxExpiresMs: ms("max_expires"),
    maxBytes: number("max_bytes"),
    replayPolicy: text("replay_policy"),
    sampleFreq: text("sample_freq"),
    headersOnly: config.headers_only === true,
    filterSubjects: Array.isArray(filters) ? filters.map(String) : filter ? [filter] : [],
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function numberOf(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}
