// `node test/bench/picture.ts bench.json`: writes the figures of docs/performance.md, and the pictures in docs/images, from what
// `npm run bench -- --json` printed.
import { readFileSync, writeFileSync } from "node:fs";
import { withFigures } from "./figures.ts";
import type { Latency } from "./latency.ts";
import type { BenchResult } from "./result.ts";
import type { Scaled } from "./scale.ts";
import { barChart, dotsOverTime } from "./svg.ts";

const DOCS = new URL("../../docs/", import.meta.url);

function throughputOverDrains(scale: readonly Scaled[]): string {
  const messages = scale[0]?.messages.toLocaleString("en-US");
  const title = `Throughput over drains: ${messages} messages by so many drains at once`;
  const values = scale.map(({ drains, messagesPerSecond }) => `${drains}: ${messagesPerSecond}`).join(", ");
  const description = `Messages a second by the number of drains at once. ${values}.`;
  const bars = scale.map(({ drains, messagesPerSecond, busyPercent }) => ({
    label: drains === 1 ? "1 drain" : `${drains} drains`,
    value: messagesPerSecond,
    note: `machine ${busyPercent} % busy`,
  }));
  return barChart({ title, description }, "messages a second", bars);
}

function latencyOverTime({ samples, p50Ms, p99Ms, everyMs }: Latency): string {
  const title = `Latency over time: ${samples.length} messages at random moments, until: "limit"`;
  const description = `Each message's wait from publish to handled: median ${p50Ms} ms, 99th percentile ${p99Ms} ms.`;
  const points = samples.map(([atMs, waitMs]) => ({ seconds: atMs / 1_000, ms: waitMs }));
  return dotsOverTime({ title, description }, points, { p50Ms, p99Ms, everySeconds: everyMs / 1_000 });
}

const [file] = process.argv.slice(2);
if (file === undefined) {
  process.stderr.write("Usage: node test/bench/picture.ts <what npm run bench -- --json printed>\n");
  process.exitCode = 64; // EX_USAGE
} else {
  const result = JSON.parse(readFileSync(file, "utf8")) as BenchResult; // as main.ts prints it
  const page = new URL("performance.md", DOCS);
  writeFileSync(page, withFigures(readFileSync(page, "utf8"), result));
  const pictures = {
    "throughput.svg": result.scale && throughputOverDrains(result.scale),
    "latency.svg": result.latency && latencyOverTime(result.latency),
  };
  for (const [name, svg] of Object.entries(pictures))
    if (svg !== undefined) writeFileSync(new URL(`images/${name}`, DOCS), svg);
}
