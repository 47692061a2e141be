// History: the last reports of a consumer's drains, kept in a NATS KV bucket. A value of a bucket
// is a message of its stream, so a plain publish writes one: the KV library would add 65 KB to a
// Worker. The bucket's own history (64 at most) keeps the last ones, so nothing is deleted here.
// This file writes; history-read.ts reads.
import { headers, type Msg, type NatsConnection } from "@nats-io/nats-core";
import { apiPrefix, JetStreamError, requestJetStream } from "../connection/jetstream.ts";
import { request } from "../connection/request.ts";
import { type Deadline, now, waitUntil } from "../deadline.ts";
import { readHeaders } from "../message/headers.ts";
import type { Report } from "../report/report.ts";
import { addReport, readTotals, type Totals } from "./totals.ts";

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

/** The last record that the bucket has: its sequence, 0 where there is none, and its totals. */
export interface LastRecord {
  readonly sequence: number;
  readonly totals: Totals | undefined;
}

/** nats-server's refusal where another record came in between, by its number in errors.json. */
const WRONG_LAST_SEQUENCE: readonly number[] = [10071, 10164];
/** So often another drain may come in between, before a report is kept without totals. */
const MAX_CONFLICTS = 32;

/**
 * The subject of a consumer's reports: one key for each consumer of each stream.
 *
 * @example
 * historySubject({ bucket: "drains", stream: "ORDERS", consumer: "billing" }); // $KV.drains.ORDERS.billing
 */
export function historySubject({ bucket, stream, consumer }: HistoryKey): string {
  return `$KV.${bucket}.${keyPart(stream)}.${keyPart(consumer)}`;
}

/**
 * The message that keeps a report.
 *
 * @example
 * const { subject, data } = historyEntry(await orders.run({ env, limitMs: 25_000 }), "drains");
 */
export function historyEntry(report: Report, bucket: string, totals?: Totals): HistoryEntry {
  const { stream, consumer } = report;
  const record = totals === undefined ? report : { ...report, totals };
  return { subject: historySubject({ bucket, stream, consumer }), data: JSON.stringify(record) };
}

/**
 * Asks for the last record, whose totals the next one goes on from. Undefined where the user may
 * not read it, or nothing answers: the next is then kept without totals. Never rejects.
 *
 * @param timeoutMs how long to wait for the answer, in milliseconds
 */
export async function readLastRecord(
  nats: NatsConnection,
  key: HistoryKey,
  timeoutMs: number,
): Promise<LastRecord | undefined> {
  const subject = `${apiPrefix(key.domain)}.DIRECT.GET.KV_${key.bucket}`;
  const question = JSON.stringify({ last_by_subj: historySubject(key) });
  try {
    const msg = await request(nats, subject, question, { timeoutMs });
    const headers = readHeaders(msg);
    // The server adds it behind what the value itself may have.
    const sequence = Number(headers.last("Nats-Sequence"));
    if (sequence === 0 && headers.code === 404) return { sequence: 0, totals: undefined };
    return sequence > 0 ? { sequence, totals: totalsOf(msg) } : undefined;
  } catch {
    return undefined;
  }
}

/** Undefined of what is no record: a deletion, or something else that was put under the key. */
function totalsOf(msg: Msg): Totals | undefined {
  try {
    return readTotals({ ...msg.json<{ readonly totals?: unknown } | null>() }.totals);
  } catch {
    return undefined;
  }
}

/**
 * Keeps a report, and resolves to whether the bucket has it. Never rejects: a drain does not fail
 * for its history. Where drains end at once, each goes on from the totals of the one before it.
 *
 * @param timeoutMs how long all of it may take, in milliseconds
 * @param asked the last record, where it has been asked for already. @default asks for it
 * @example
 * const keep = (nats: NatsConnection, report: Report) =>
 *   writeHistory(nats, report, { bucket: "drains" }, 2_000);
 */
export async function writeHistory(
  nats: NatsConnection,
  report: Report,
  { bucket, domain }: HistoryOptions & Pick<HistoryKey, "domain">,
  timeoutMs: number,
  asked?: Promise<LastRecord | undefined>,
): Promise<boolean> {
  const { stream, consumer } = report;
  const key = { bucket, domain, stream, consumer };
  const by: Deadline = now() + timeoutMs;
  const answer = await waitUntil(asked ?? readLastRecord(nats, key, timeoutMs), by - timeoutMs / 2);
  let last = answer.done ? answer.value : undefined;
  for (let attempt = 1; now() < by; attempt += 1) {
    try {
      await publish(nats, report, key, last, by - now());
      return true;
    } catch (error) {
      if (!(error instanceof JetStreamError && WRONG_LAST_SEQUENCE.includes(error.code))) return false;
      // A replica that is behind would tell the same sequence again and again, and the report is to be kept.
      const mayRetry = attempt < MAX_CONFLICTS && by - now() > timeoutMs / 2;
      last = mayRetry ? await readLastRecord(nats, key, timeoutMs / 4) : undefined;
    }
  }
  return false;
}

async function publish(
  nats: NatsConnection,
  report: Report,
  { bucket }: HistoryKey,
  last: LastRecord | undefined,
  timeoutMs: number,
): Promise<void> {
  const entry = historyEntry(report, bucket, last && addReport(last.totals, report));
  const expected = headers();
  if (last) expected.set("Nats-Expected-Last-Subject-Sequence", String(last.sequence));
  await requestJetStream(
    nats,
    entry.subject,
    entry.data,
    last ? { headers: expected, timeoutMs } : { timeoutMs },
  );
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
