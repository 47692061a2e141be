// The dashboard's pages. Everything that comes from outside is escaped by hono/jsx, and is a name,
// a number or a report's own sentence: never a body, never a secret.
import type { Child } from "hono/jsx";
import type { Counts, Finding, Report } from "../index.ts";
import { mendOf } from "../observe/mend.ts";
import type { Totals } from "../observe/totals.ts";
import { deadLettersOf } from "../report/merge.ts";
import { STYLE } from "./style.ts";
import { ms, Timeline } from "./timeline.tsx";

/** What the dashboard shows of a consumer. */
export interface View {
  readonly stream: string;
  readonly consumer: string;
  /** What the consumer says of itself; undefined where it could not be asked. */
  readonly state?: {
    readonly pending: number;
    readonly unacked: number;
    readonly redelivered: number;
    readonly waiting: number;
  };
  /** What is wrong with the consumer now, beside what the drains say. @default nothing */
  readonly findings?: readonly Finding[];
  /** Why something is missing, as a sentence. */
  readonly problem?: string;
  /** Oldest first. */
  readonly reports: readonly Report[];
  /** Whether drains keep a history; the page says so where they do not. @default true */
  readonly keepsHistory?: boolean;
  /** Over every drain since the first that the history had, for the metrics. */
  readonly totals?: Totals | undefined;
}

const SIGNS = { completed: "✓", retryable: "↻", fatal: "✗" } as const;

function Page({ nonce, children }: { readonly nonce: string; readonly children?: Child }): Child {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>Sluice</title>
        <style nonce={nonce} dangerouslySetInnerHTML={{ __html: STYLE }} />
      </head>
      <body>{children}</body>
    </html>
  );
}

export function LoginPage({ nonce, refused }: { readonly nonce: string; readonly refused: boolean }): Child {
  return (
    <Page nonce={nonce}>
      <main>
        <h1>Sluice</h1>
        {refused ? <p role="alert">That is not the token.</p> : null}
        <form method="post" action="/login">
          <p>
            <label for="token">DRAIN_TOKEN</label>
            <br />
            <input id="token" name="token" type="password" autocomplete="current-password" required />
          </p>
          <button type="submit">Log in</button>
        </form>
      </main>
    </Page>
  );
}

export interface DashboardProps {
  readonly nonce: string;
  readonly view: View;
  /** The report to show, from 0, the oldest; the last one where there is no such. */
  readonly selected: number;
}

export function DashboardPage({ nonce, view, selected }: DashboardProps): Child {
  const { reports, state } = view;
  const at = reports[selected] ? selected : reports.length - 1;
  const report = reports[at];
  return (
    <Page nonce={nonce}>
      <header>
        <h1>{`${view.stream} / ${view.consumer}`}</h1>
        <form method="post" action="/drain-now">
          <button type="submit">Drain now</button>
        </form>
        <form method="post" action="/logout">
          <button type="submit">Log out</button>
        </form>
      </header>
      <main>
        <h2>Consumer</h2>
        {state ? (
          <dl class="state">
            <Fact name="Lag" value={state.pending + state.unacked} />
            <Fact name="Pending" value={state.pending} />
            <Fact name="Unacked" value={state.unacked} />
            <Fact name="Redelivered" value={state.redelivered} />
            <Fact name="Waiting pulls" value={state.waiting} />
          </dl>
        ) : (
          <p role="alert">{view.problem ?? "The consumer could not be asked."}</p>
        )}
        {view.findings && view.findings.length > 0 ? (
          <section aria-label="Wrong now">
            <h2>Wrong now</h2>
            <Findings findings={view.findings} />
          </section>
        ) : null}
        <h2>Last drains</h2>
        {report ? <Strip reports={reports} at={at} /> : <p class="dim">No drain has reported yet.</p>}
        {view.keepsHistory === false ? (
          <p class="dim">No history is kept: set HISTORY_BUCKET, or the option history.</p>
        ) : null}
        {report ? <One report={report} /> : null}
        <DeadLetterTable reports={reports} />
      </main>
    </Page>
  );
}

function Fact({ name, value }: { readonly name: string; readonly value: number }): Child {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

function Strip({ reports, at }: { readonly reports: readonly Report[]; readonly at: number }): Child {
  return (
    <ol class="strip">
      {reports.map(({ outcome, reason, startedAt }, index) => (
        <li>
          <a
            class={outcome}
            href={`/?drain=${index}`}
            aria-label={`${outcome}: ${reason}, ${startedAt}`}
            {...(index === at ? { "aria-current": "true" } : {})}
          >
            {SIGNS[outcome]}
          </a>
        </li>
      ))}
    </ol>
  );
}

const COUNTS = {
  fetched: "Fetched",
  acked: "Acked",
  retried: "Retried",
  rejected: "Rejected",
  deadLettered: "Dead letters",
  released: "Released",
  exhausted: "Exhausted",
  unconfirmed: "Unconfirmed",
} as const satisfies Record<keyof Counts, string>;

function One({ report }: { readonly report: Report }): Child {
  const mend = mendOf(report.reason, report);
  return (
    <section aria-label="One drain">
      <h2>{`${report.outcome}: ${report.reason}`}</h2>
      <p>{report.message}</p>
      {mend === undefined ? null : <pre>{mend}</pre>}
      <p class="dim">
        {`${readable(report.startedAt)}, ${ms(report.timings.totalMs)}, heartbeats: ${report.heartbeats}`}
      </p>
      <Timeline report={report} />
      <dl class="counts">
        {Object.entries(COUNTS).map(([count, name]) => (
          <Fact name={name} value={report[count as keyof Counts]} /> // the table's own key
        ))}
      </dl>
      <h2>Findings</h2>
      {report.findings.length === 0 ? <p class="dim">None.</p> : null}
      <Findings findings={report.findings} />
    </section>
  );
}

function Findings({ findings }: { readonly findings: readonly Finding[] }): Child {
  return (
    <ul>
      {findings.map(({ code, message, mend }) => (
        <li>
          <code>{code}</code> {message}
          {mend === undefined ? null : <pre>{mend}</pre>}
        </li>
      ))}
    </ul>
  );
}

/** Dead letters of all the drains that are shown, by reason. */
function DeadLetterTable({ reports }: { readonly reports: readonly Report[] }): Child {
  const letters = deadLettersOf(reports).sort((one, other) => other.count - one.count);
  return (
    <section aria-label="Dead letters">
      <h2>Dead letters by reason</h2>
      {letters.length === 0 ? (
        <p class="dim">None in these drains.</p>
      ) : (
        <table>
          <thead>
            <tr>
              <th scope="col">Reason</th>
              <th scope="col">Messages</th>
            </tr>
          </thead>
          <tbody>
            {letters.map(({ reason, count }) => (
              <tr>
                <td>{reason}</td>
                <td>{count}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

/** ISO 8601 as people write it. */
function readable(time: string): string {
  return time.replace(/^([\d-]+)T([\d:]+)(\.\d+)?Z$/, "$1 $2 UTC");
}
