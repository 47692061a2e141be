// What the Worker logs: one line of JSON an event, for Workers Logs. No body, no secret, no value of a var.
import type { InvalidOption, Message, Report } from "../index.ts";

/** A report holds no body and no secret. */
export function logReport(report: Report): void {
  const line = JSON.stringify({ event: "drain", ...report });
  if (report.outcome === "completed") console.log(line);
  else console.error(line);
}

/** The name only: an error's text may quote what it met. */
export function logHandlerError(error: unknown, message: Message<unknown>): void {
  console.error(JSON.stringify({ event: "handler-failed", id: message.id, error: nameOf(error) }));
}

/** Which var, and what is wrong with it. */
export function logNotConfigured({ option, problem }: InvalidOption): void {
  console.error(JSON.stringify({ event: "not-configured", var: option, problem }));
}

/** The name only, likewise. */
export function logUnexpected(error: unknown): void {
  console.error(JSON.stringify({ event: "unexpected-error", error: nameOf(error) }));
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : typeof error;
}
