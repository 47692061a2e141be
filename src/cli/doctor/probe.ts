// What doctor asks of the server, each question harmless: it takes no message, stores none and
// changes nothing.
import { headers, PermissionViolationError, TimeoutError } from "@nats-io/nats-core";
import type { Connection } from "../../connection/connection.ts";
import { classifyInfoError, classifyPermission } from "../../connection/failure.ts";
import { apiPrefix, JetStreamError, NoJetStreamError, requestJetStream } from "../../connection/jetstream.ts";
import { request } from "../../connection/request.ts";
import { NANOS_PER_MS, now } from "../../deadline.ts";
import { readHeaders } from "../../message/headers.ts";
import type { ConsumerConfigFacts } from "../../report/preflight.ts";
import { type Ending, ending } from "../../report/reasons.ts";
import type { DoctorSettings } from "./settings.ts";

const ASK_MS = 5_000;

/** A consumer's configuration and state; undefined where the user may not ask. */
export interface ConsumerAnswer {
  readonly facts: Partial<ConsumerConfigFacts>;
  readonly pending: number;
  readonly redelivered: number;
}

interface ConsumerInfo {
  readonly num_pending: number;
  readonly num_redelivered: number;
  readonly config: Readonly<Record<string, unknown>>;
}

/** Asks for consumer info. */
export async function askConsumer(
  { nats }: Connection,
  { stream, consumer, domain }: DoctorSettings,
): Promise<ConsumerAnswer | Ending> {
  const subject = `${apiPrefix(domain)}.CONSUMER.INFO.${stream}.${consumer}`;
  try {
    const info = await requestJetStream<ConsumerInfo>(nats, subject, "", { timeoutMs: ASK_MS });
    return { facts: toFacts(info.config), pending: info.num_pending, redelivered: info.num_redelivered };
  } catch (error) {
    return explain(error, stream, consumer);
  }
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

/** A pull request that the server reads and refuses: proves the way there and back, and delivers nothing. */
export async function fetchNothing(
  { nats }: Connection,
  { stream, consumer, domain }: DoctorSettings,
): Promise<Ending | undefined> {
  const subject = `${apiPrefix(domain)}.CONSUMER.MSG.NEXT.${stream}.${consumer}`;
  try {
    const { code } = readHeaders(await request(nats, subject, '{"batch":', { timeoutMs: ASK_MS }));
    // 400 is what it should be; nobody answers where there is no such consumer.
    return code === 503
      ? ending("consumer-not-found", `Stream "${stream}", consumer "${consumer}".`)
      : undefined;
  } catch (error) {
    return explain(error, stream, consumer);
  }
}

/** Whether the user may ack: says in progress of a message that there is not. */
export async function tryAck(
  connection: Connection,
  { stream, consumer }: DoctorSettings,
): Promise<Ending | undefined> {
  let denied: Ending | undefined;
  const subject = `$JS.ACK.${stream}.${consumer}.1.0.0.0.0`;
  const forget = connection.onDenied((error) => {
    // Another question's denial may come as late as this.
    if (error.subject === subject) denied = ending("permission-denied", allowAcks(stream, consumer));
  });
  connection.nats.publish(subject, "+WPI");
  await connection.flush(now() + ASK_MS);
  forget();
  return denied;
}

function allowAcks(stream: string, consumer: string): string {
  return `Allow the user to publish to "$JS.ACK.${stream}.${consumer}.>".`;
}

/**
 * Where a dead letter would go: the stream refuses this one, by what it expects, and so tells that
 * it is there.
 */
export async function tryDeadLetter(
  { nats }: Connection,
  subject: string,
): Promise<"taken" | "uncaptured" | Ending> {
  const impossible = headers();
  impossible.set("Nats-Expected-Last-Sequence", String(Number.MAX_SAFE_INTEGER));
  try {
    await requestJetStream(nats, subject, "", { headers: impossible, timeoutMs: ASK_MS });
    return "taken";
  } catch (error) {
    if (error instanceof JetStreamError) return "taken";
    if (error instanceof NoJetStreamError) return "uncaptured";
    return explain(error, "", "");
  }
}

function explain(error: unknown, stream: string, consumer: string): Ending {
  if (error instanceof PermissionViolationError) return classifyPermission(error);
  if (error instanceof TimeoutError)
    return ending("jetstream-unavailable", `It did not answer within ${ASK_MS / 1_000} s.`);
  const told = error instanceof Error ? error.message : String(error);
  return classifyInfoError(error, stream, consumer) ?? ending("connection-lost", told);
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function numberOf(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}
