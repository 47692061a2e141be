// An observer that logs: one object for each drain, for any logger that takes objects.
import type { Outcome } from "../report/reasons.ts";
import type { Report } from "../report/report.ts";
import type { Observer } from "./observer.ts";

/** The console's method, and the level of most log collectors. */
export type LogLevel = "info" | "warn" | "error";

/** The members of a line, beside the report's own. */
export interface LogLine extends Report {
  readonly event: "drain";
  readonly level: LogLevel;
}

const LEVELS: Readonly<Record<Outcome, LogLevel>> = { completed: "info", retryable: "warn", fatal: "error" };

/**
 * Logs each drain as one object: the report, with `event` and `level`. It holds no body and no
 * secret. A drain that completed with findings, or with something unconfirmed, is a warning.
 *
 * @param write takes the line. @default one line of JSON to the console's method of that level
 * @example
 * defineDrain({ ...options, observer: logObserver((line) => console[line.level](line)) });
 */
export function logObserver(write: (line: LogLine) => void = toConsole): Observer {
  return { report: (report) => write({ event: "drain", level: levelOf(report), ...report }) };
}

function levelOf({ outcome, findings, unconfirmed }: Report): LogLevel {
  const level = LEVELS[outcome];
  return level === "info" && (findings.length > 0 || unconfirmed > 0) ? "warn" : level;
}

function toConsole(line: LogLine): void {
  console[line.level](JSON.stringify(line));
}
