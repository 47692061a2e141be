// A consumer's configuration as JetStream's API has it, as the facts that preflight judges. Pure.
import { NANOS_PER_MS } from "../deadline.ts";
import type { ConsumerConfigFacts } from "./preflight-facts.ts";

/** The part of an answer to CONSUMER.INFO that is read; the ConsumerInfo of @nats-io/jetstream fits. */
export interface ConsumerInfoLike {
  readonly stream_name: string;
  readonly name: string;
  readonly config: object;
}

/**
 * The facts of a consumer, from what the server says of it.
 *
 * @example
 * const info = { stream_name: "ORDERS", name: "billing", config: { ack_policy: "none" } };
 * preflight(consumerFacts(info), { batch: 100 }); // [{ code: "ack-policy", message: "…", mend: "nats …" }]
 */
export function consumerFacts({ stream_name: stream, name, config }: ConsumerInfoLike): ConsumerConfigFacts {
  const told: Readonly<Record<string, unknown>> = { ...config };
  const text = (key: string): string | undefined => textOf(told[key]);
  const number = (key: string, otherwise = 0): number => numberOf(told[key]) ?? otherwise;
  const ms = (key: string): number => number(key) / NANOS_PER_MS;
  const { backoff, filter_subjects: filters } = told;
  const filter = text("filter_subject");
  return {
    stream,
    consumer: name,
    ackPolicy: text("ack_policy"),
    deliverSubject: text("deliver_subject"),
    inactiveThresholdMs: ms("inactive_threshold"),
    ackWaitMs: "ack_wait" in told ? ms("ack_wait") : undefined,
    backoffMs: Array.isArray(backoff) ? backoff.map((each) => (numberOf(each) ?? 0) / NANOS_PER_MS) : [],
    maxDeliver: "max_deliver" in told ? number("max_deliver", -1) : undefined,
    maxAckPending: number("max_ack_pending", -1),
    maxWaiting: number("max_waiting"),
    maxBatch: number("max_batch"),
    maxExpiresMs: ms("max_expires"),
    maxBytes: number("max_bytes"),
    replayPolicy: text("replay_policy"),
    sampleFreq: text("sample_freq"),
    headersOnly: told.headers_only === true,
    filterSubjects: Array.isArray(filters) ? filters.filter(isText) : filter ? [filter] : [],
  };
}

function textOf(value: unknown): string | undefined {
  return isText(value) ? value : undefined;
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function numberOf(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}
