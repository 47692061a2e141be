// What the demo comes to: the events by type, the drains with their timings, and the line of JSON.
import type { ServerState } from "./demo-server.ts";
import { type DemoDrain, left } from "./drains.ts";
import { formatTable, inColumns } from "./table.ts";

/** The demo's last line. Each number is the server's or the target's, none the demo's own but the drains. */
export interface Summary {
  /** Messages that the stream took in, as the server says. */
  readonly published: number;
  /** Different events that the target got. */
  readonly received: number;
  /** Messages that left the work queue, as the server says. */
  readonly acked: number;
  /** Pending and unacked, as the server says. */
  readonly left: number;
  readonly drains: number;
}

export function summarize(state: ServerState, received: number, drains: readonly DemoDrain[]): Summary {
  return {
    published: state.published,
    received,
    acked: state.acked,
    left: left(state),
    drains: drains.length,
  };
}

/** Whether every event got through, once, and the server knows. */
export function isComplete({ published, received, acked, left: messages }: Summary): boolean {
  return published === received && received === acked && messages === 0;
}

/**
 * How many events of each type the target got; the actions of one event together.
 *
 * @param width in characters, to put as many columns side by side as fit
 */
export function eventTable(receivedByType: ReadonlyMap<string, number>, width: number): string {
  const counts = new Map<string, number>();
  for (const [type, count] of receivedByType) {
    const [, event = type] = /^com\.github\.([^.]+)/.exec(type) ?? [];
    counts.set(event, (counts.get(event) ?? 0) + count);
  }
  const rows = [...counts]
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([event, count]) => [event, String(count)]);
  return inColumns(formatTable(["event", "received"], rows), width);
}

export function drainTable(drains: readonly DemoDrain[]): string {
  const head = [
    "drain",
    "trigger",
    "answer",
    "reason",
    "fetched",
    "acked",
    "connected",
    "first message",
    "total",
  ];
  const rows = drains.map(({ trigger, answer, report, tookMs }, index) => [
    String(index + 1),
    trigger,
    answer,
    report?.reason ?? "-",
    String(report?.fetched ?? "-"),
    String(report?.acked ?? "-"),
    milliseconds(report?.timings.connectMs),
    milliseconds(report?.timings.firstMessageMs),
    milliseconds(tookMs),
  ]);
  return formatTable(head, rows).join("\n");
}

function milliseconds(duration: number | undefined): string {
  return duration === undefined ? "-" : `${Math.round(duration)} ms`;
}
