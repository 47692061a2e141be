// One drain as a timeline, drawn as SVG from what its report says of its time.
import type { Child } from "hono/jsx";
import type { Report, Timings } from "../index.ts";

interface Phase {
  readonly name: string;
  readonly kind: "bar" | "wait";
  readonly fromMs: number;
  readonly toMs: number;
  /** Moments in it: heartbeats. */
  readonly marksMs?: readonly number[];
}

type Timed = Pick<Report, "timings" | "fetched">;

/** What a drain did, one below the other. What handles and settles overlaps. */
export function phases({ timings, fetched }: Timed): readonly Phase[] {
  const { connectMs, heartbeatsMs = [], firstMessageMs, fetchedMs, totalMs } = timings;
  const connect = phase("connect", 0, connectMs ?? totalMs);
  if (connectMs === undefined) return [connect];
  const wait = phase("wait", connectMs, firstMessageMs ?? fetchedMs ?? totalMs, "wait");
  const waiting = heartbeatsMs.length > 0 ? { ...wait, marksMs: heartbeatsMs } : wait;
  const handling = firstMessageMs === undefined || fetched === 0 ? [] : handled(timings, firstMessageMs);
  return [connect, waiting, ...handling, ...ended(timings)];
}

function handled({ handledMs, settlingMs, settledMs, totalMs }: Timings, firstMs: number): readonly Phase[] {
  // A report of an earlier version knows no more.
  if (handledMs === undefined) return [phase("handle and settle", firstMs, totalMs)];
  const handle = phase("handle", firstMs, handledMs);
  if (settlingMs === undefined || settledMs === undefined) return [handle];
  return [handle, phase("settle", settlingMs, settledMs)];
}

/** The end of a drain. A history is written before the connection is closed, and knows when that began. */
function ended({ handledMs, settledMs = 0, confirmedMs, closedMs, totalMs }: Timings): readonly Phase[] {
  if (handledMs === undefined || confirmedMs === undefined) return [];
  return [
    phase("confirm", Math.max(handledMs, Math.min(settledMs, confirmedMs)), confirmedMs),
    phase("close", confirmedMs, closedMs ?? totalMs),
  ];
}

function phase(name: string, fromMs: number, toMs: number, kind: Phase["kind"] = "bar"): Phase {
  return { name, kind, fromMs, toMs: Math.max(fromMs, toMs) };
}

/** Of a bar's drawing, which is stretched to the page: only the text beside it keeps its size. */
const WIDTH = 1_000;
const HEIGHT = 12;
/** So thin a bar is still seen, also on a telephone. */
const MIN_WIDTH = 4;

export function Timeline({ report }: { readonly report: Report }): Child {
  const rows = phases(report);
  const { firstMessageMs, totalMs } = report.timings;
  const endMs = Math.max(1, totalMs, ...rows.map(({ toMs }) => toMs));
  const at = (timeMs: number): number => Math.min(WIDTH - MIN_WIDTH, (timeMs / endMs) * WIDTH);
  const first = firstMessageMs === undefined ? "" : `, first message at ${ms(firstMessageMs)}`;
  return (
    <div class="timeline" role="img" aria-label={`Timeline: ${rows.map(spoken).join(", ")}${first}`}>
      {rows.map((row) => (
        <p>
          {spoken(row)}
          {row.name === "wait" ? first : ""}
          <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
            <rect class="axis" x="0" y="5" width={WIDTH} height="2" />
            <rect
              class={row.kind}
              x={at(row.fromMs)}
              y="0"
              width={Math.max(MIN_WIDTH, ((row.toMs - row.fromMs) / endMs) * WIDTH)}
              height={HEIGHT}
            />
            {(row.marksMs ?? []).map((mark) => (
              <rect class="mark" x={at(mark)} y="0" width={MIN_WIDTH} height={HEIGHT} />
            ))}
          </svg>
        </p>
      ))}
    </div>
  );
}

function spoken({ name, fromMs, toMs, marksMs = [] }: Phase): string {
  const beats = marksMs.length === 0 ? "" : `, ${marksMs.length} heartbeat${marksMs.length === 1 ? "" : "s"}`;
  return `${name}: ${ms(toMs - fromMs)}${beats}`;
}

export function ms(value: number): string {
  return value < 1_000 ? `${Math.round(value)} ms` : `${(value / 1_000).toFixed(1)} s`;
}
