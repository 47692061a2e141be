// Reports and a consumer's state as Prometheus text (exposition format 0.0.4). Pure.
import { type Outcome, REASONS, type Reason } from "../report/reasons.ts";
import type { Report } from "../report/report.ts";
import { addReport, BUCKETS, MAX_REPORTS, RESULTS, type Totals } from "./totals.ts";

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

type Labels = Readonly<Record<string, string>>;

/**
 * The metrics of a consumer and its drains. Labels are bounded: the names of stream and consumer,
 * the outcomes, the reasons and the results.
 *
 * `reports` are what a history still has, oldest first, 64 at most. `totals` are its running ones,
 * which counters come from: sums over `reports` would fall when an old report goes. Without them the
 * reports are summed only while none can have gone.
 *
 * @example
 * const report = await orders.run({ env, limitMs: 25_000 });
 * const response = new Response(prometheus([report]), { headers: { "Content-Type": PROMETHEUS_TYPE } });
 */
export function prometheus(reports: readonly Report[], state?: ConsumerState, totals?: Totals): string {
  const last = reports.at(-1);
  const all = totals ?? (reports.length < MAX_REPORTS ? sumOf(reports) : undefined);
  return [...stateMetrics(state), ...lastDrain(last), ...(last && all ? totalMetrics(last, all) : [])].join(
    "",
  );
}

function sumOf(reports: readonly Report[]): Totals | undefined {
  return reports.reduce<Totals | undefined>(addReport, undefined);
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

function totalMetrics({ stream, consumer }: Report, totals: Totals): string[] {
  const labels = { stream, consumer };
  const drains = Object.entries(totals.drains).map(
    ([reason, count]): Sample => [{ ...labels, outcome: outcomeOf(reason), reason }, count],
  );
  const messages = RESULTS.map(
    (result): Sample => [{ ...labels, result: snakeCase(result) }, totals.messages[result]],
  );
  return [
    family("sluice_drains_total", "counter", "Drains, by how they ended.", drains),
    family("sluice_messages_total", "counter", "Deliveries, by what became of them.", messages),
    durations(labels, totals),
  ];
}

/** A report that a later version wrote may have a reason that this one does not know. */
function outcomeOf(reason: string): string {
  return Object.hasOwn(REASONS, reason) ? REASONS[reason as Reason].outcome : "unknown"; // one of the table's
}

/** As Prometheus writes values: `deadLettered` is `dead_lettered`. */
function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function durations(labels: Labels, { durations: counts, totalMs }: Totals): string {
  const name = "sluice_drain_duration_seconds";
  let count = 0;
  const buckets = [...BUCKETS.map(String), "+Inf"].map((le, at) => {
    count += counts[at] ?? 0;
    return line(`${name}_bucket`, { ...labels, le }, count);
  });
  return [
    header(name, "histogram", "How long drains took."),
    ...buckets,
    line(`${name}_sum`, labels, totalMs / 1_000),
    line(`${name}_count`, labels, count),
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
