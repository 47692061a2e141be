// The pictures of docs/performance, as SVG text: readable in light and in dark, with nothing from outside. Pure.

export interface Bar {
  readonly label: string;
  readonly value: number;
  /** Below the label. */
  readonly note: string;
}

export interface Point {
  readonly seconds: number;
  readonly ms: number;
}

interface Picture {
  readonly title: string;
  /** What a reader who does not see it is told. */
  readonly description: string;
}

const [WIDTH, HEIGHT] = [720, 340] as const;
const PLOT = { left: 76, right: 24, top: 52, bottom: 56 } as const;
const [INNER_WIDTH, INNER_HEIGHT] = [
  WIDTH - PLOT.left - PLOT.right,
  HEIGHT - PLOT.top - PLOT.bottom,
] as const;
const FLOOR_Y = PLOT.top + INNER_HEIGHT;

const STYLE = `
text { font: 13px system-ui, sans-serif; fill: #1f2933 }
.title { font-size: 15px; font-weight: 600 }
.small { font-size: 12px }
.back { fill: #ffffff }
.grid { stroke: #d5dbe1 }
.tick { stroke: #66727f; stroke-dasharray: 4 4 }
.bar, .dot { fill: #1f6fb2 }
.dot { fill-opacity: 0.55 }
.middle { stroke: #2c7a4b } .middle-text { fill: #2c7a4b }
.high { stroke: #b23b1f } .high-text { fill: #b23b1f }
.middle-text, .high-text { font-weight: 600; paint-order: stroke; stroke: #ffffff; stroke-width: 5px }
@media (prefers-color-scheme: dark) {
text { fill: #e5e9ee } .back { fill: #11161c } .grid { stroke: #333d47 } .tick { stroke: #8d99a6 }
.bar, .dot { fill: #6db0ee }
.middle { stroke: #6fcf97 } .middle-text { fill: #6fcf97 }
.high { stroke: #f2845c } .high-text { fill: #f2845c }
.middle-text, .high-text { stroke: #11161c }
}`;

/** A bar for each, with its value above it. */
export function barChart(picture: Picture, unit: string, bars: readonly Bar[]): string {
  const top = niceAbove(Math.max(...bars.map(({ value }) => value)));
  const y = (value: number): number => FLOOR_Y - (value / top) * INNER_HEIGHT;
  const step = INNER_WIDTH / bars.length;
  const grid = [0, 0.25, 0.5, 0.75, 1].map((part) => gridLine(y(part * top), number(part * top)));
  const drawn = bars.flatMap(({ label, value, note }, index) => {
    const middle = PLOT.left + (index + 0.5) * step;
    const [width, height] = [step * 0.55, FLOOR_Y - y(value)];
    return [
      `<rect class="bar" x="${px(middle - width / 2)}" y="${px(y(value))}" width="${px(width)}" height="${px(height)}" rx="2"/>`,
      text(middle, y(value) - 7, number(value), "middle"),
      text(middle, FLOOR_Y + 20, label, "middle"),
      text(middle, FLOOR_Y + 38, note, "middle", "small"),
    ];
  });
  return svg(picture, unit, [...grid, ...drawn]);
}

/** A dot for each, the time from left to right, the milliseconds upwards by powers of ten; a line for the median and the 99th percentile. */
export function dotsOverTime(
  picture: Picture,
  points: readonly Point[],
  {
    p50Ms,
    p99Ms,
    everySeconds,
  }: { readonly p50Ms: number; readonly p99Ms: number; readonly everySeconds: number },
): string {
  const end = Math.ceil(Math.max(...points.map(({ seconds }) => seconds)) / everySeconds) * everySeconds;
  const powers = [-1, 0, 1, 2, 3];
  const [low, high] = [-1, 3];
  const x = (seconds: number): number => PLOT.left + (seconds / end) * INNER_WIDTH;
  const y = (ms: number): number => {
    const power = Math.min(high, Math.max(low, Math.log10(ms)));
    return FLOOR_Y - ((power - low) / (high - low)) * INNER_HEIGHT;
  };
  const level = (ms: number, name: string, kind: string): string[] => [
    `<line class="${kind}" x1="${PLOT.left}" x2="${WIDTH - PLOT.right}" y1="${px(y(ms))}" y2="${px(y(ms))}"/>`,
    text(WIDTH - PLOT.right - 4, y(ms) - 8, `${name} ${number(ms)} ms`, "end", `${kind}-text`),
  ];
  const ticks = Array.from({ length: Math.round(end / everySeconds) + 1 }, (_, tick) => tick * everySeconds);
  return svg(picture, "ms from publish to handled", [
    ...powers.map((power) => gridLine(y(10 ** power), number(10 ** power))),
    ...ticks.flatMap((at) => [
      `<line class="tick" x1="${px(x(at))}" x2="${px(x(at))}" y1="${PLOT.top}" y2="${FLOOR_Y}"/>`,
      text(x(at), FLOOR_Y + 20, `${at} s`, "middle"),
    ]),
    ...points.map(
      ({ seconds, ms }) => `<circle class="dot" cx="${px(x(seconds))}" cy="${px(y(ms))}" r="2.4"/>`,
    ),
    ...level(p50Ms, "p50", "middle"),
    ...level(p99Ms, "p99", "high"),
    text(
      PLOT.left,
      FLOOR_Y + 40,
      "dashed: a tick starts a drain, which overlaps the one before",
      "start",
      "small",
    ),
  ]);
}

function svg({ title, description }: Picture, unit: string, parts: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-labelledby="title description">`,
    `<title id="title">${escapeXml(title)}</title>`,
    `<desc id="description">${escapeXml(description)}</desc>`,
    `<style>${STYLE}\n</style>`,
    `<rect class="back" width="${WIDTH}" height="${HEIGHT}"/>`,
    text(16, 24, title, "start", "title"),
    text(16, 42, unit, "start", "small"),
    ...parts,
    "</svg>\n",
  ].join("\n");
}

function gridLine(y: number, label: string): string {
  const line = `<line class="grid" x1="${PLOT.left}" x2="${WIDTH - PLOT.right}" y1="${px(y)}" y2="${px(y)}"/>`;
  return `${line}\n${text(PLOT.left - 8, y + 4, label, "end", "small")}`;
}

function text(
  x: number,
  y: number,
  content: string,
  anchor: "start" | "middle" | "end",
  kind?: string,
): string {
  const attribute = kind === undefined ? "" : ` class="${kind}"`;
  return `<text${attribute} x="${px(x)}" y="${px(y)}" text-anchor="${anchor}">${escapeXml(content)}</text>`;
}

/** 1, 2 or 5 times a power of ten, not below the value. */
function niceAbove(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((times) => times * power).find((nice) => nice >= value) ?? value;
}

function px(value: number): string {
  return String(Number(value.toFixed(1)));
}

function number(value: number): string {
  return value.toLocaleString("en-US", { maximumFractionDigits: 2 });
}

function escapeXml(content: string): string {
  return content.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
