// A record of the history as a report. Whoever may write to the bucket may have written anything, and
// what reads it shows it on pages and terminals and counts with it: so what comes out has a report's
// members and no others, each of its own kind and as long as a drain makes it. Pure.
import { edit } from "../report/preflight-rule.ts";
import { COUNT_NAMES, type DeadLetters, type Finding, type Report } from "../report/report.ts";
import { isCount } from "./totals.ts";

/** Whose record it has to be. */
export interface RecordOwner {
  readonly stream: string;
  readonly consumer: string;
}

const MAX_TEXT_LENGTH = 4_000;
const MAX_FINDINGS = 64;
const MAX_DEAD_LETTERS = 16;
const MAX_HEARTBEATS = 32;
const OUTCOMES: readonly unknown[] = ["completed", "retryable", "fatal"];
/** A later version may have reasons that this one does not know. */
const REASON = /^[a-z]+(-[a-z]+){0,9}$/;
const MAX_REASON_LENGTH = 60;
const STARTED_AT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/;
const MOMENTS = [
  ...(["connectMs", "firstMessageMs", "fetchedMs", "handledMs"] as const),
  ...(["settlingMs", "settledMs", "confirmedMs", "closedMs"] as const),
];

type Members = Readonly<Record<string, unknown>>;

/** The report of a value, as JSON had it; undefined where it is none, or another's. */
export function readReport(value: unknown, owner?: RecordOwner): Report | undefined {
  const told = membersOf(value);
  const { outcome, reason, message, startedAt, stream, consumer, findings } = told;
  const timings = membersOf(told.timings);
  const counts = COUNT_NAMES.map((name) => told[name]);
  const isWhole = [...counts, timings.totalMs].every(isCount) && [message, stream, consumer].every(isText);
  const isKnown = OUTCOMES.includes(outcome) && isReason(reason) && isTime(startedAt);
  const isOwn = owner === undefined || (stream === owner.stream && consumer === owner.consumer);
  if (!isWhole || !isKnown || !isOwn || !Array.isArray(findings) || !findings.every(isFinding))
    return undefined;
  const { retryAfterMs, pending, deadLetters } = told;
  const named = { stream: String(stream), consumer: String(consumer) };
  const letters = Array.isArray(deadLetters) ? readDeadLetters(deadLetters) : [];
  const report: unknown = {
    outcome,
    reason,
    message: short(String(message)),
    ...(isCount(retryAfterMs) ? { retryAfterMs } : {}),
    ...named,
    ...Object.fromEntries(COUNT_NAMES.map((name) => [name, told[name]])),
    ...(isCount(pending) ? { pending } : {}),
    more: told.more === true,
    heartbeats: isCount(told.heartbeats) ? told.heartbeats : 0,
    startedAt,
    timings: readTimings(timings),
    findings: readFindings(findings, named),
    ...(letters.length > 0 ? { deadLetters: letters } : {}),
  };
  return report as Report; // every member has been looked at
}

function readTimings(timings: Members): Members {
  const { heartbeatsMs, totalMs } = timings;
  const beats = Array.isArray(heartbeatsMs) ? heartbeatsMs.slice(0, MAX_HEARTBEATS).filter(isCount) : [];
  const moments = MOMENTS.filter((name) => isCount(timings[name])).map((name) => [name, timings[name]]);
  return { ...(beats.length > 0 ? { heartbeatsMs: beats } : {}), ...Object.fromEntries(moments), totalMs };
}

function isFinding(value: unknown): value is Finding {
  const { code, message, mend = "" } = membersOf(value);
  return [code, message, mend].every(isText);
}

function readFindings(findings: readonly Finding[], owner: RecordOwner): Finding[] {
  const named = findings.slice(0, MAX_FINDINGS).filter(({ code }) => isReason(code));
  return named.map(({ code, message, mend }) => {
    const told = { code, message: short(message) };
    return mend !== undefined && isMend(mend, owner) ? { ...told, mend } : told;
  });
}

/**
 * An operator runs a mend: only what a drain itself could have said, flags of an edit of its own
 * consumer.
 */
function isMend(mend: string, { stream, consumer }: RecordOwner): boolean {
  const [before = "", after = ""] = edit({ stream, consumer }, "\n").split("\n");
  const flags = mend.slice(before.length, -after.length);
  return mend === `${before}${flags}${after}` && /^--[a-z-]+ [\w.]+( --[a-z-]+ [\w.]+){0,4}$/.test(flags);
}

function readDeadLetters(letters: readonly unknown[]): DeadLetters[] {
  return letters.slice(0, MAX_DEAD_LETTERS).flatMap((letter) => {
    const { reason, count } = membersOf(letter);
    return isText(reason) && isCount(count) ? [{ reason: reason.slice(0, 120), count }] : [];
  });
}

function membersOf(value: unknown): Members {
  return { ...(value as object | null) };
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isReason(value: unknown): value is string {
  return isText(value) && value.length <= MAX_REASON_LENGTH && REASON.test(value);
}

function isTime(value: unknown): boolean {
  return isText(value) && STARTED_AT.test(value) && !Number.isNaN(Date.parse(value));
}

function short(text: string): string {
  return text.slice(0, MAX_TEXT_LENGTH);
}
