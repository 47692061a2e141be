// One drain as a timeline, drawn as SVG from what its report says of its time.
import type { Child } from "hono/jsx";
import type { Report } from "../index.ts";

interface Phase {
  readonly name: string;
  readonly kind: "bar" | "wait";
  readonly fromMs: number;
  readonly toMs: number;
}

/** What a drain did, one after the other. */
export function phases({ timings, fetched }: Pick<Report, "timings" | "fetched">): readonly Phase[] {
  const { connectMs, firstMessageMs, totalMs } = timings;
  const connected = connectMs ?? totalMs;
  const first = firstMessageMs ?? totalMs;
  return [
    { name: "connect", kind: "bar", fromMs: 0, toMs: connected },
    ...(connectMs === undefined
      ? []
      : [{ name: "wait", kind: "wait", fromMs: connected, toMs: Math.max(connected, first) } as const]),
    ...(firstMessageMs === undefined || fetched === 0
      ? []
      : [{ name: "handle and settle", kind: "bar", fromMs: first, toMs: Math.max(first, totalMs) } as const]),
  ];
}

/** Of a bar's drawing, which is stretched to the page: only the text beside it keeps its size. */
const WIDTH = 1_000;

export function Timeline({ report }: { readonly report: Report }): Child {
  const rows = phases(report);
  const scale = WIDTH / Math.max(1, report.timings.totalMs);
  const spoken = rows.map(({ name, fromMs, toMs }) => `${name} ${ms(toMs - fromMs)}`).join(", ");
  return (
    <div class="timeline" role="img" aria-label={`Timeline: ${spoken}`}>
      {rows.map(({ name, kind, fromMs, toMs }) => (
        <p>
          {`${name}: ${ms(toMs - fromMs)}`}
          <svg viewBox={`0 0 ${WIDTH} 12`} preserveAspectRatio="none" aria-hidden="true">
            <rect class="axis" x="0" y="5" width={WIDTH} height="2" />
            <rect
              class={kind}
              x={fromMs * scale}
              y="0"
              width={Math.max(4, (toMs - fromMs) * scale)}
              height="12"
            />
          </svg>
        </p>
      ))}
    </div>
  );
}

export function ms(value: number): string {
  return value < 1_000 ? `${Math.round(value)} ms` : `${(value / 1_000).toFixed(1)} s`;
}
