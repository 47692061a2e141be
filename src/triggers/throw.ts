// The throw shape: a platform that retries what throws gets an error whose name says whether that helps.
import type { Report } from "../report/report.ts";

/** A drain did not complete. The message has the report's own words, and never a secret. */
export class DrainError extends Error {
  /** The report's reason. */
  readonly code: Report["reason"];
  readonly report: Report;
  /** Milliseconds before another try is worth it, where waiting helps. */
  readonly retryAfterMs: number | undefined;
  constructor(report: Report) {
    super(`${report.outcome}: ${report.reason}: ${report.message}`);
    this.name = "DrainError";
    this.code = report.reason;
    this.report = report;
    this.retryAfterMs = report.retryAfterMs;
  }
}

/** Another try may help. The name is part of the API: Step Functions matches it in `ErrorEquals`. */
export class DrainRetryableError extends DrainError {
  override readonly name = "DrainRetryableError";
}

/** Only an operator can help. The name is part of the API: Step Functions matches it in `ErrorEquals`. */
export class DrainFatalError extends DrainError {
  override readonly name = "DrainFatalError";
}

/** A platform's own errors, in place of these. */
export interface ErrorMapping {
  /** The error to throw where another try may help. @default the error itself */
  readonly retryable?: ((error: DrainRetryableError) => Error) | undefined;
  /** The error to throw where it does not. @default the error itself */
  readonly fatal?: ((error: DrainFatalError) => Error) | undefined;
}

/**
 * Returns the report of a drain that completed, and throws for one that did not.
 *
 * @throws {DrainRetryableError} another try may help, after `retryAfterMs`
 * @throws {DrainFatalError} only an operator can help
 * @example
 * orThrow(await orders.run({ env, limitMs: 25_000 }), {
 *   fatal: (error) => new NonRetriableError(error.message), // Inngest's
 * });
 */
export function orThrow(report: Report, errors: ErrorMapping = {}): Report {
  switch (report.outcome) {
    case "completed":
      return report;
    case "retryable": {
      const error = new DrainRetryableError(report);
      throw errors.retryable?.(error) ?? error;
    }
    case "fatal": {
      const error = new DrainFatalError(report);
      throw errors.fatal?.(error) ?? error;
    }
  }
}

/**
 * Where a platform would retry each error alike, a fatal end is no error: the log has it, unless
 * somebody is told the report.
 */
export function logFatal(report: Report, onReport: unknown): void {
  if (report.outcome === "fatal" && !onReport) console.error(new DrainFatalError(report).message);
}
