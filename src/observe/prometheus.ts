// Reports and a consumer's state as Prometheus text (exposition format 0.0.4). Pure.
import { type Outcome, REASONS, type Reason } from "../report/reasons.ts";
import type { Counts, Report } from "../report/report.ts";

/** What a consumer says of itself, as `CONSUMER.INFO` has it. */
export interface ConsumerState {
  readonly stream: string;
  readonly consumer: string;
  /** Messages never delivered yet (num_pending). */
  readonly pending: number;
  /** Messages delivered and not settled yet (num_ack_pending). */
  readonly unacked: number;
  /** Of these, the ones delivered more than once (num_redelivered). */
  readonly redelivered: number;
  /** Pull requests that wait (num_waiting). */
  readonly waiting: number;
}

/** Media type of the text. */
export const PROMETHEUS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** Upper bounds in seconds: from a drain that finds nothing to the longest that platforms allow. */
const BUCKETS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 60, 300, 900];

/** What became of the deliveries: the label's values. */
const RESULTS: Readonly<Record<Exclude<keyof Counts, "fetched">, string>> = {
  acked: "acked",
  retried: "retried",
  rejected: "rejected",
  deadLettered: "dead_lettered",
  released: "released",
  exhausted: "exhausted",
  unconfirmed: "unconfirmed",
};

type Labels = Readonly<Record<string, string>>;

/**
 * The metrics of a consumer and its drains. Labels are bounded: the names of stream and consumer,
 * the outcomes, the reasons and the results.
 *
 * `reports` are what a history still has, oldest first, 64 at most. Their sums fall when an old
 * report goes, so they are gauges: a counter that falls would read as a restart.
 *
 * @example
 * new Response(prometheus(reports, state), { headers: { "Content-Type": PROMETHEUS_TYPE } });
 */
export function prometheus(reports: readonly Report[], state?: ConsumerState): string {
  return [...stateMetrics(state), ...lastDrain(reports.at(-1)), ...historyMetrics(reports)].join("");
}

function stateMetrics(state: ConsumerState | undefined): string[] {
  if (!state) return [];
  const labels = { stream: state.stream, consumer: state.consumer };
  const one = (name: string, help: string, value: number): string =>
    family(`sluice_consumer_${name}`, "gauge", help, [[labels, value]]);
  return [
    one("lag_messages", "Messages not settled yet: pending and unacked.", state.pending + state.unacked),
    one("pending_messages", "Messages never delivered yet.", state.pending),
    one("unacked_messages", "Messages delivered and not settled yet.", state.unacked),
    one("redelivered_messages", "Unsettled messages delivered more than once.", state.redelivered),
    one("waiting_pulls", "Pull requests that wait for messages.", state.waiting),
  ];
}

function lastDrain(report: Report | undefined): string[] {
  if (!report) return [];
  const labels = { stream: report.stream, consumer: report.consumer };
  const seconds = Date.parse(report.startedAt) / 1_000;
  const outcomes: readonly Outcome[] = ["completed", "retryable", "fatal"];
  const states = outcomes.map(
    (outcome): Sample => [{ ...labels, outcome }, Number(outcome === report.outcome)],
  );
  return [
    family("sluice_last_drain_start_time_seconds", "gauge", "When the last drain started, Unix time.", [
      [labels, Number.isNaN(seconds) ? 0 : seconds],
    ]),
    family("sluice_last_drain_duration_seconds", "gauge", "How long the last drain took.", [
      [labels, report.timings.totalMs / 1_000],
    ]),
    family("sluice_last_drain_outcome", "gauge", "1 for the outcome of the last drain.", states),
    family("sluice_last_drain_findings", "gauge", "Findings of the last drain.", [
      [labels, report.findings.length],
    ]),
  ];
}

function historyMetrics(reports: readonly Report[]): string[] {
  const first = reports[0];
  if (!first) return [];
  const labels = { stream: first.stream, consumer: first.consumer };
  const byReason = Map.groupBy(reports, ({ reason }) => reason);
  const drains = Array.from(
    byReason,
    ([reason, those]): Sample => [{ ...labels, outcome: outcomeOf(reason), reason }, those.length],
  );
  const messages = Object.entries(RESULTS).map(
    ([count, result]): Sample => [
      { ...labels, result },
      sum(reports.map((report) => report[count as keyof typeof RESULTS])), // the table's own key
    ],
  );
  return [
    family("sluice_history_drains", "gauge", "Drains in the history, by reason.", drains),
    family("sluice_history_messages", "gauge", "Deliveries in the history, by result.", messages),
    durations(labels, reports),
  ];
}

/** A report that a later version wrote may have a reason that this one does not know. */
function outcomeOf(reason: Reason): string {
  return Object.hasOwn(REASONS, reason) ? REASONS[reason].outcome : "unknown";
}

function durations(labels: Labels, reports: readonly Report[]): string {
  const name = "sluice_history_drain_duration_seconds";
  const seconds = reports.map(({ timings }) => timings.totalMs / 1_000);
  const buckets = BUCKETS.map((bound) =>
    line(
      `${name}_bucket`,
      { ...labels, le: String(bound) },
      seconds.filter((value) => value <= bound).length,
    ),
  );
  return [
    header(name, "histogram", "How long the drains in the history took."),
    ...buckets,
    line(`${name}_bucket`, { ...labels, le: "+Inf" }, seconds.length),
    line(`${name}_sum`, labels, sum(seconds)),
    line(`${name}_count`, labels, seconds.length),
  ].join("");
}

type Sample = readonly [Labels, number];

function family(name: string, type: string, help: string, samples: readonly Sample[]): string {
  return header(name, type, help) + samples.map(([labels, value]) => line(name, labels, value)).join("");
}

function header(name: string, type: string, help: string): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
}

function line(name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
  return `${name}{${pairs.join(",")}} ${value}\n`;
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
