// The status shape: what an HTTP scheduler reads from a report, and the problem details of RFC 9457.
import { type Outcome, REASONS } from "../report/reasons.ts";
import type { Report } from "../report/report.ts";

/** The status of each outcome, and what its scheduler needs to read beside it. */
export type StatusTable = Readonly<
  Record<Outcome, { readonly status: number; readonly headers?: Readonly<Record<string, string>> }>
>;

/** What most schedulers understand: 200, 503 with `Retry-After`, 500. */
export const STATUS: StatusTable = {
  completed: { status: 200 },
  retryable: { status: 503 },
  fatal: { status: 500 },
};

/**
 * The report as a response: as JSON when the drain completed, else as problem details with the
 * report's members, and with `Retry-After` in whole seconds where another try may help.
 *
 * @example
 * const response = reportResponse(await orders.run({ env, limitMs: 25_000 }));
 */
export function reportResponse(report: Report, table: StatusTable = STATUS): Response {
  const { status, headers = {} } = table[report.outcome];
  if (report.outcome === "completed") {
    return Response.json(report, { status, headers: { "Cache-Control": "no-store", ...headers } });
  }
  const retryAfter = String(Math.ceil((report.retryAfterMs ?? 1_000) / 1_000));
  const body = {
    type: `urn:sluice:reason:${report.reason}`,
    title: REASONS[report.reason].meaning,
    status,
    detail: report.message,
    ...report,
  };
  return problem(body, report.outcome === "retryable" ? { "Retry-After": retryAfter, ...headers } : headers);
}

/**
 * Problem details as RFC 9457 has them.
 *
 * @example
 * const response = problem({ status: 404, title: "Not Found", detail: "There is no such drain." });
 */
export function problem(
  body: { readonly status: number; readonly title: string; readonly detail: string; readonly type?: string },
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new Response(JSON.stringify(body), {
    status: body.status,
    headers: { "Content-Type": "application/problem+json", "Cache-Control": "no-store", ...headers },
  });
}
