// What a stream says of itself, where the user may ask: how it keeps what it takes, and what it has.
import type { NatsConnection } from "@nats-io/nats-core";
import { NANOS_PER_MS } from "../deadline.ts";
import type { StorageFacts } from "../report/preflight.ts";
import { askOptional, textsOf } from "./names.ts";

export interface StreamState extends StorageFacts {
  readonly stream: string;
  readonly subjects: readonly string[] | undefined;
  readonly messages: number;
  readonly bytes: number;
}

/** Of an answer that may be anybody's. */
type Told = Readonly<Record<string, unknown>>;

/** Undefined where it may not be asked, or does not answer. */
export async function readStreamState(
  nats: NatsConnection,
  { stream, domain }: { readonly stream: string; readonly domain?: string | undefined },
): Promise<StreamState | undefined> {
  const answer = await askOptional(nats, domain, `STREAM.INFO.${stream}`);
  if (!answer) return undefined;
  const config: Told = { ...(answer.config as object | undefined) };
  const state: Told = { ...(answer.state as object | undefined) };
  const number = (value: unknown): number | undefined => (typeof value === "number" ? value : undefined);
  const text = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);
  const age = number(config.max_age);
  return {
    stream,
    subjects: Array.isArray(config.subjects) ? textsOf(config.subjects) : undefined,
    messages: number(state.messages) ?? 0,
    bytes: number(state.bytes) ?? 0,
    retention: text(config.retention),
    consumers: number(state.consumer_count),
    noAck: config.no_ack === true,
    sealed: config.sealed === true,
    discard: text(config.discard),
    maxMessages: number(config.max_msgs),
    maxMessagesPerSubject: number(config.max_msgs_per_subject),
    maxBytes: number(config.max_bytes),
    maxAgeMs: age === undefined ? undefined : age / NANOS_PER_MS,
  };
}
