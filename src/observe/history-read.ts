// Reads the history of a consumer's drains: what history.ts wrote.
import type { Msg, NatsConnection } from "@nats-io/nats-core";
import { newInbox } from "../connection/inbox-name.ts";
import { apiPrefix } from "../connection/jetstream.ts";
import { now, timer } from "../deadline.ts";
import { readHeaders } from "../message/headers.ts";
import { inboxPrefixOf } from "../message/raw.ts";
import type { Report } from "../report/report.ts";
import { type HistoryKey, historySubject } from "./history.ts";
import { readReport } from "./history-record.ts";
import { MAX_REPORTS, readTotals, type Totals } from "./totals.ts";

/** No report is as large, and there may be 64 of them in memory. */
const MAX_RECORD_BYTES = 262_144;
/** So many questions at most: before 2.11 one for each record, and whoever answers may have no end. */
const MAX_QUESTIONS = 2 * MAX_REPORTS;
/** All answers together may take so many times as long as one. */
const MAX_WAITS = 4;

/** What a bucket has of a consumer. */
export interface History {
  /** Oldest first. */
  readonly reports: readonly Report[];
  /** Over every drain since the first; undefined where the last record has none. */
  readonly totals: Totals | undefined;
}

/**
 * The reports that the bucket still has, oldest first: none where there is no such bucket, the user
 * may not read it, or the connection has ended. One round trip from nats-server 2.11 on; before that,
 * one for each report.
 *
 * @param timeoutMs how long to wait for each answer, in milliseconds
 * @example
 * const lastReports = (nats: NatsConnection) =>
 *   readHistory(nats, { bucket: "drains", stream: "ORDERS", consumer: "billing" }, 5_000);
 */
export async function readHistory(
  nats: NatsConnection,
  key: HistoryKey,
  timeoutMs: number,
): Promise<readonly Report[]> {
  return (await readWholeHistory(nats, key, timeoutMs)).reports;
}

/**
 * The reports as {@link readHistory} gives them, and the totals with them.
 *
 * @example
 * const lastReports = (nats: NatsConnection) =>
 *   readWholeHistory(nats, { bucket: "drains", stream: "ORDERS", consumer: "billing" }, 5_000);
 */
export async function readWholeHistory(
  nats: NatsConnection,
  key: HistoryKey,
  timeoutMs: number,
): Promise<History> {
  const records = await readRecords(nats, key, timeoutMs);
  return { reports: records.map(({ report }) => report), totals: records.at(-1)?.totals };
}

async function readRecords(
  nats: NatsConnection,
  key: HistoryKey,
  timeoutMs: number,
): Promise<readonly HistoryRecord[]> {
  const api = `${apiPrefix(key.domain)}.DIRECT.GET.KV_${key.bucket}`;
  const records: HistoryRecord[] = [];
  const by = now() + MAX_WAITS * timeoutMs;
  let seq = 1;
  for (let asked = 0; asked < MAX_QUESTIONS && records.length < MAX_REPORTS && now() < by; asked += 1) {
    if (nats.isClosed()) break;
    const question = { seq, next_by_subj: historySubject(key), batch: MAX_REPORTS };
    const found = await ask(nats, api, JSON.stringify(question), timeoutMs);
    for (const msg of found.values) records.push(...readRecord(msg, key));
    // Whoever may answer could have it asked the same for ever.
    if (found.complete || !(found.lastSequence >= seq)) break;
    seq = found.lastSequence + 1;
  }
  return records;
}

interface HistoryRecord {
  readonly report: Report;
  readonly totals: Totals | undefined;
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
  let count = 0;
  const inbox = newInbox(inboxPrefixOf(nats));
  const subscription = nats.subscribe(inbox, {
    callback: (error, msg) => {
      if (error) return resolve(true);
      const headers = readHeaders(msg);
      // What the server adds is last, and a status has no sequence: whoever wrote the value may have given
      // it either.
      const sequence = headers.last("Nats-Sequence");
      if (headers.code !== 0 && sequence === "") return resolve(true);
      count += 1;
      if (count > MAX_REPORTS) return resolve(true);
      if (msg.data.length <= MAX_RECORD_BYTES) values.push(msg);
      lastSequence = Number(sequence);
      // Before 2.11 there are no batches, and one answer is all that comes.
      if (!headers.has("Nats-Num-Pending")) resolve(false);
    },
  });
  // With the connection it ends, too: whoever closed that waits for no answer.
  void subscription.closed.then(() => resolve(true));
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

/** The record of a value; none where it is a deletion, or something else that was put under the key. */
function readRecord(msg: Msg, owner: HistoryKey): readonly HistoryRecord[] {
  try {
    const value = msg.json<{ readonly totals?: unknown } | null>();
    const report = readReport(value, owner);
    return report ? [{ report, totals: readTotals(value?.totals) }] : [];
  } catch {
    return [];
  }
}
