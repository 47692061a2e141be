// `npm run bench:cluster`: a million messages on a cluster of three, drained by eight processes at once, whose leader is killed
// with SIGKILL in the middle. It fails where a message is lost, comes again unexplained, or a report is not true.
import { availableParallelism, cpus } from "node:os";
import { formatTable } from "../../src/demo/table.ts";
import { drainCluster, untruths } from "../support/cluster-drains.ts";

const MESSAGES = Number(process.argv[2] ?? 1_000_000);
const DRAINS = 8;

async function main(): Promise<void> {
  const log = (line: string): void => void process.stderr.write(`${line}\n`);
  log(`${availableParallelism()} x ${cpus()[0]?.model}`);
  const given = { messages: MESSAGES, drains: DRAINS, limitMs: 20_000, timeoutMs: 120_000 + MESSAGES };
  const result = await drainCluster({ ...given, log });
  const { seconds, stalledMs, reports, handlings, lost, twice } = result;
  const failed = reports.filter(({ outcome }) => outcome !== "completed");
  const rows: [string, number][] = [
    ["messages", MESSAGES],
    ["processes that drain", DRAINS],
    ["seconds", Math.round(seconds)],
    ["messages a second", Math.round(MESSAGES / seconds)],
    ["seconds without a message after the kill", Math.round(stalledMs / 100) / 10],
    ["drains", reports.length],
    ["drains that ended retryable", failed.length],
    ["handlings", handlings],
    ["lost", lost],
    ["again: unconfirmed in the report", twice.unconfirmed],
    ["again: confirmed as the leader died", twice.killed],
    ["again: unexplained", twice.nothing],
  ];
  process.stdout.write(
    `${formatTable(
      ["", ""],
      rows.map(([what, value]) => [what, value.toLocaleString("en-US")]),
    ).join("\n")}\n`,
  );
  const untrue = untruths(result, MESSAGES);
  if (untrue.length > 0) throw new Error(untrue.join("; "));
}

try {
  await main();
} catch (error) {
  process.stderr.write(`bench:cluster: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
