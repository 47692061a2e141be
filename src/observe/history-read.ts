// Reads the history of a consumer's drains: what history.ts wrote.
import type { Msg, NatsConnection } from "@nats-io/nats-core";
import { newInbox } from "../connection/inbox-name.ts";
import { apiPrefix } from "../connection/jetstream.ts";
import { timer } from "../deadline.ts";
import { readHeaders } from "../message/headers.ts";
import { inboxPrefixOf } from "../message/raw.ts";
import type { Report } from "../report/report.ts";
import { type HistoryKey, historySubject } from "./history.ts";
import { isCount, MAX_REPORTS, RESULTS, readTotals, type Totals } from "./totals.ts";

/** What a bucket has of a consumer. */
export interface History {
  /** Oldest first. */
  readonly reports: readonly Report[];
  /** Over every drain since the first; undefined where the last record has none. */
  readonly totals: Totals | undefined;
}

/**
 * The reports that the bucket still has, oldest first: none where there is no such bucket, or the
 * user may not read it. One round trip from nats-server 2.11 on; before that, one for each report.
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
  let seq = 1;
  while (records.length < MAX_REPORTS) {
    const question = { seq, next_by_subj: historySubject(key), batch: MAX_REPORTS };
    const found = await ask(nats, api, JSON.stringify(question), timeoutMs);
    for (const msg of found.values) records.push(...readRecord(msg));
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
  const inbox = newInbox(inboxPrefixOf(nats));
  const subscription = nats.subscribe(inbox, {
    callback: (error, msg) => {
      if (error) return resolve(true);
      const headers = readHeaders(msg);
      // What the server adds is last, and a status has no sequence: whoever wrote the value may have given
      // it either.
      const sequence = headers.last("Nats-Sequence");
      if (headers.code !== 0 && sequence === "") return resolve(true);
      values.push(msg);
      if (values.length > MAX_REPORTS) return resolve(true);
      lastSequence = Number(sequence);
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

/** The record of a value; none where it is a deletion, or something else that was put under the key. */
function readRecord(msg: Msg): readonly HistoryRecord[] {
  try {
    const value: unknown = msg.json();
    const known = readReport(value);
    if (!known) return [];
    const { totals, ...report }: Report & { readonly totals?: unknown } = known;
    return [{ report, totals: readTotals(totals) }];
  } catch {
    return [];
  }
}

/** A report as JSON had it; undefined where it is none. */
export function readReport(value: unknown): Report | undefined {
  return isReport(value) ? value : undefined;
}

function isReport(value: unknown): value is Report {
  if (typeof value !== "object" || value === null) return false;
  const told = value as Partial<Record<keyof Report, unknown>>;
  const { outcome, reason, message, timings, findings, startedAt, stream, consumer } = told;
  const texts = [outcome, reason, message, startedAt, stream, consumer].every(isText);
  const { totalMs }: Record<string, unknown> = { ...(timings as object | null) };
  const numbers = [told.fetched, totalMs, ...RESULTS.map((result) => told[result])].every(isCount);
  const isOutcome = ["completed", "retryable", "fatal"].includes(String(outcome));
  return texts && numbers && isOutcome && Array.isArray(findings) && findings.every(isFinding);
}

function isFinding(value: unknown): boolean {
  const { code, message, mend = "" }: Record<string, unknown> = { ...(value as object | null) };
  return [code, message, mend].every(isText);
}

function isText(value: unknown): boolean {
  return typeof value === "string";
}
