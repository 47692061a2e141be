// What is around the consumer: its stream, the names that there are, its history. A drain's user may
// mostly not ask for these; what is not allowed, or not answered, is not known, and no finding.
import type { Connection } from "../../connection/connection.ts";
import { apiPrefix, requestJetStream } from "../../connection/jetstream.ts";
import { NANOS_PER_MS } from "../../deadline.ts";
import { type History, readWholeHistory } from "../../observe/history-read.ts";
import type { ConsumerConfigFacts, StorageFacts } from "../../report/preflight.ts";
import type { DoctorSettings } from "./settings.ts";

/** Optional questions are waited for no longer. */
const ASK_MS = 2_000;

/** The consumers of the stream, as far as one answer has them. */
export async function consumerNames(
  connection: Connection,
  { stream, domain }: DoctorSettings,
): Promise<readonly string[] | undefined> {
  const answer = await ask(connection, domain, `CONSUMER.NAMES.${stream}`);
  return answer && textsOf(answer.consumers);
}

/** The streams of the account, or those that take in a subject, as far as one answer has them. */
export async function streamNames(
  connection: Connection,
  { domain }: DoctorSettings,
  subject?: string,
): Promise<readonly string[] | undefined> {
  const question = subject === undefined ? "" : JSON.stringify({ subject });
  const answer = await ask(connection, domain, "STREAM.NAMES", question);
  return answer && textsOf(answer.streams);
}

/** The part of the stream's configuration that is judged. */
export async function streamFacts(
  connection: Connection,
  { stream, domain }: DoctorSettings,
): Promise<Pick<ConsumerConfigFacts, "retention" | "streamSubjects">> {
  const answer = await ask(connection, domain, `STREAM.INFO.${stream}`);
  const { retention, subjects }: Told = { ...(answer?.config as object | undefined) };
  return {
    retention: typeof retention === "string" ? retention : undefined,
    streamSubjects: Array.isArray(subjects) ? textsOf(subjects) : undefined,
  };
}

/** How a stream keeps what it takes. */
export async function storageFacts(
  connection: Connection,
  { domain }: DoctorSettings,
  stream: string,
): Promise<StorageFacts | undefined> {
  const answer = await ask(connection, domain, `STREAM.INFO.${stream}`);
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
export async function lastDrains(connection: Connection, settings: DoctorSettings): Promise<History> {
  const { bucket, stream, consumer, domain } = settings;
  if (bucket === undefined) return { reports: [], totals: undefined };
  return await readWholeHistory(connection.nats, { bucket, stream, consumer, domain }, ASK_MS);
}

/** Of an answer that may be anybody's. */
type Told = Readonly<Record<string, unknown>>;

function textsOf(list: unknown): readonly string[] {
  return Array.isArray(list) ? list.filter((each) => typeof each === "string") : [];
}

async function ask(
  { nats }: Connection,
  domain: string | undefined,
  question: string,
  data = "",
): Promise<Told | undefined> {
  try {
    return await requestJetStream<Told>(nats, `${apiPrefix(domain)}.${question}`, data, {
      timeoutMs: ASK_MS,
    });
  } catch {
    return undefined;
  }
}
