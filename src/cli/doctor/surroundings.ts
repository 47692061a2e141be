// What is around the consumer: its stream, and its history. A drain's user may mostly not ask for these; what
// is not allowed, or not answered, is not known, and no finding.
import type { NatsConnection } from "@nats-io/nats-core";
import { NANOS_PER_MS } from "../../deadline.ts";
import { type History, readWholeHistory } from "../../observe/history-read.ts";
import { askOptional, textsOf } from "../../observe/names.ts";
import type { ConsumerConfigFacts, StorageFacts } from "../../report/preflight.ts";
import type { DoctorSettings } from "./settings.ts";

/** The history is waited for no longer. */
const ASK_MS = 2_000;

/** Of an answer that may be anybody's. */
type Told = Readonly<Record<string, unknown>>;

/** The part of the stream's configuration that is judged. */
export async function streamFacts(
  nats: NatsConnection,
  { stream, domain }: DoctorSettings,
): Promise<Pick<ConsumerConfigFacts, "retention" | "streamSubjects">> {
  const answer = await askOptional(nats, domain, `STREAM.INFO.${stream}`);
  const { retention, subjects }: Told = { ...(answer?.config as object | undefined) };
  return {
    retention: typeof retention === "string" ? retention : undefined,
    streamSubjects: Array.isArray(subjects) ? textsOf(subjects) : undefined,
  };
}

/** How a stream keeps what it takes. */
export async function storageFacts(
  nats: NatsConnection,
  { domain }: DoctorSettings,
  stream: string,
): Promise<StorageFacts | undefined> {
  const answer = await askOptional(nats, domain, `STREAM.INFO.${stream}`);
  if (!answer) return undefined;
  const config: Told = { ...(answer.config as object | undefined) };
  const state: Told = { ...(answer.state as object | undefined) };
  const number = (value: unknown): number | undefined => (typeof value === "number" ? value : undefined);
  const text = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);
  const age = number(config.max_age);
  return {
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

/** What the history has, where the drain keeps one. */
export async function lastDrains(nats: NatsConnection, settings: DoctorSettings): Promise<History> {
  const { bucket, stream, consumer, domain } = settings;
  if (bucket === undefined) return { reports: [], totals: undefined };
  return await readWholeHistory(nats, { bucket, stream, consumer, domain }, ASK_MS);
}
