// `npm run bench:scale`: many drains at once, as in the bench, with a million messages or as many as the first argument says.
import { availableParallelism, cpus } from "node:os";
import { formatTable } from "../../src/demo/table.ts";
import { makeBed } from "./bed.ts";
import { measureScale, SCALE_BYTES } from "./scale.ts";

const MESSAGES = Number(process.argv[2] ?? 1_000_000);
const log = (line: string): void => void process.stderr.write(`${line}\n`);

async function main(): Promise<void> {
  await using bed = await makeBed();
  log(`${availableParallelism()} x ${cpus()[0]?.model}, nats-server ${bed.server.version}`);
  log(`publishing ${MESSAGES.toLocaleString("en-US")} messages of ${SCALE_BYTES} B`);
  const results = await measureScale(bed, MESSAGES, log);
  const head = ["drains", "seconds", "messages a second", "CPU of the drains, ms", "machine busy, %"];
  const rows = results.map((each) =>
    [each.drains, each.seconds, each.messagesPerSecond, each.cpuMs, each.busyPercent].map(String),
  );
  process.stdout.write(`${formatTable(head, rows).join("\n")}\n`);
}

try {
  await main();
} catch (error) {
  log(`bench:scale: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
