// History: the last reports of a consumer's drains, kept in a NATS KV bucket. A value of a bucket
// is a message of its stream, so a plain publish writes one: the KV library would add 65 KB to a
// Worker. The bucket's own history (64 at most) keeps the last ones, so nothing is counted or
// deleted here.
import { createInbox, type Msg, type NatsConnection } from "@nats-io/nats-core";
import { apiPrefix, requestJetStream } from "../connection/jetstream.ts";
import { timer } from "../deadline.ts";
import { readHeaders } from "../message/headers.ts";
import { inboxPrefixOf } from "../message/raw.ts";
import type { Report } from "../report/report.ts";

/** Where a drain keeps its last reports. */
export interface HistoryOptions {
  /** Name of the KV bucket. It must exist; its own `history` says how many reports it keeps, 64 at most. */
  readonly bucket: string;
}

/** Whose history it is, and where. */
export interface HistoryKey {
  readonly bucket: string;
  readonly stream: string;
  readonly consumer: string;
  readonly domain?: string | undefined;
}

/** What one message to a stream is. */
export interface HistoryEntry {
  readonly subject: string;
  readonly data: string;
}

/** The most values that a bucket keeps of one key (nats-server and ADR-8). */
const MAX_REPORTS = 64;

/** The subject of a consumer's reports: one key for each consumer of each stream. */
export function historySubject({ bucket, stream, consumer }: HistoryKey): string {
  return `$KV.${bucket}.${keyPart(stream)}.${keyPart(consumer)}`;
}

/** The message that keeps a report. */
export function historyEntry(report: Report, bucket: string): HistoryEntry {
  const { stream, consumer } = report;
  return { subject: historySubject({ bucket, stream, consumer }), data: JSON.stringify(report) };
}

/**
 * Keeps a report, and resolves to whether the bucket has it. Never rejects: a drain does not fail
 * for its history.
 *
 * @param timeoutMs how long to wait for the stream's PubAck, in milliseconds
 */
export async function writeHistory(
  nats: NatsConnection,
  report: Report,
  { bucket }: HistoryOptions,
  timeoutMs: number,
): Promise<boolean> {
  const { subject, data } = historyEntry(report, bucket);
  try {
    await requestJetStream(nats, subject, data, { timeoutMs });
    return true;
  } catch {
    return false;
  }
}

/**
 * The reports that the bucket still has, oldest first: none where there is no such bucket, or the
 * user may not read it. One round trip from nats-server 2.11 on; before that, one for each report.
 *
 * @param timeoutMs how long to wait for each answer, in milliseconds
 */
export async function readHistory(
  nats: NatsConnection,
  key: HistoryKey,
  timeoutMs: number,
): Promise<readonly Report[]> {
  const api = `${apiPrefix(key.domain)}.DIRECT.GET.KV_${key.bucket}`;
  const reports: Report[] = [];
  let seq = 1;
  while (reports.length < MAX_REPORTS) {
    const question = { seq, next_by_subj: historySubject(key), batch: MAX_REPORTS };
    const found = await ask(nats, api, JSON.stringify(question), timeoutMs);
    for (const msg of found.values) reports.push(...readReport(msg));
    if (found.complete || found.lastSequence < seq) break;
    seq = found.lastSequence + 1;
  }
  return reports;
}

interface Found {
  readonly values: readonly Msg[];
  readonly lastSequence: number;
  /** Nothing is left to ask for. */
  readonly complete: boolean;
}

/** One request, which a server that knows batches answers with many messages and a status at their end. */
async function ask(
  nats: NatsConnection,
  subject: string,
  question: string,
  timeoutMs: number,
): Promise<Found> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const values: Msg[] = [];
  let lastSequence = 0;
  const inbox = createInbox(inboxPrefixOf(nats));
  const subscription = nats.subscribe(inbox, {
    callback: (error, msg) => {
      if (error) return resolve(true);
      const headers = readHeaders(msg);
      if (headers.code !== 0) return resolve(true);
      values.push(msg);
      lastSequence = Number(headers.get("Nats-Sequence"));
      // Before 2.11 there are no batches, and one answer is all that comes.
      if (!headers.has("Nats-Num-Pending")) resolve(false);
    },
  });
  const late = timer(timeoutMs);
  void late.fired.then(() => resolve(true));
  try {
    nats.publish(subject, question, { reply: inbox });
    return { complete: await promise, values, lastSequence };
  } catch {
    return { complete: true, values, lastSequence };
  } finally {
    late.cancel();
    if (!subscription.isClosed()) subscription.unsubscribe();
  }
}

/** The report of a value; none where it is a deletion, or something else that was put under the key. */
function readReport(msg: Msg): readonly Report[] {
  try {
    const value: unknown = msg.json();
    return isReport(value) ? [value] : [];
  } catch {
    return [];
  }
}

function isReport(value: unknown): value is Report {
  if (typeof value !== "object" || value === null) return false;
  const { outcome, reason, timings, findings, startedAt } = value as Partial<Record<keyof Report, unknown>>;
  const texts = [outcome, reason, startedAt].every((field) => typeof field === "string");
  return texts && typeof timings === "object" && timings !== null && Array.isArray(findings);
}

/**
 * A name as part of a key, which may hold letters, digits, `-` and `_`; anything else is `=` and its bytes.
 */
function keyPart(name: string): string {
  return Array.from(new TextEncoder().encode(name), (byte) => {
    const char = String.fromCharCode(byte);
    return /[A-Za-z0-9_-]/.test(char) ? char : `=${byte.toString(16).padStart(2, "0").toUpperCase()}`;
  }).join("");
}
