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

const WIDTH = 640;
const ROW = 40;

export function Timeline({ report }: { readonly report: Report }): Child {
  const rows = phases(report);
  const scale = WIDTH / Math.max(1, report.timings.totalMs);
  const spoken = rows.map(({ name, fromMs, toMs }) => `${name} ${ms(toMs - fromMs)}`).join(", ");
  return (
    <svg viewBox={`0 0 ${WIDTH} ${rows.length * ROW + 4}`} role="img" aria-label={`Timeline: ${spoken}`}>
      {rows.map(({ name, kind, fromMs, toMs }, at) => (
        <g>
          <text x="0" y={at * ROW + 14}>
            {`${name}: ${ms(toMs - fromMs)}`}
          </text>
          <line class="axis" x1="0" x2={WIDTH} y1={at * ROW + 27} y2={at * ROW + 27} />
          <rect
            class={kind}
            x={fromMs * scale}
            y={at * ROW + 20}
            width={Math.max(2, (toMs - fromMs) * scale)}
            height="14"
            rx="3"
          />
        </g>
      ))}
    </svg>
  );
}

export function ms(value: number): string {
  return value < 1_000 ? `${Math.round(value)} ms` : `${(value / 1_000).toFixed(1)} s`;
}
