// `npm run bench:scale`: a million messages by 1, 2, 4 and 8 drains at once, each in a process of its own, and every message accounted
// for: none lost, none handled twice.
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { availableParallelism, cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { formatTable } from "../../src/demo/table.ts";
import { type Bed, makeBed } from "./bed.ts";
import type { Job } from "./contenders.ts";
import type { Drained, ScaleAnswer } from "./scale-process.ts";
import { round, sum } from "./stats.ts";

const MESSAGES = Number(process.argv[2] ?? 1_000_000);
const BYTES = 128;
const DRAINS = [1, 2, 4, 8];
const BATCH = 5_000;

interface Scaled {
  readonly drains: number;
  readonly seconds: number;
  readonly messagesPerSecond: number;
  /** How busy the machine was, nats-server included: more drains bring no more once it is full. */
  readonly busyPercent: number;
}

async function main(): Promise<void> {
  await using bed = await makeBed();
  process.stderr.write(
    `${availableParallelism()} x ${cpus()[0]?.model}, nats-server ${bed.server.version}\n`,
  );
  process.stderr.write(`publishing ${MESSAGES.toLocaleString("en-US")} messages of ${BYTES} B\n`);
  const stream = await bed.fill(MESSAGES, BYTES);
  const results: Scaled[] = [];
  for (const drains of DRAINS) {
    const job = { stream, messages: MESSAGES, batch: BATCH, maxWaitMs: 1_000 };
    const { seconds, busy } = await bed.withConsumer(job, (each) => drainTogether(bed, each, drains));
    const messagesPerSecond = Math.round(MESSAGES / seconds);
    results.push({
      drains,
      seconds: round(seconds, 2),
      messagesPerSecond,
      busyPercent: round(100 * busy, 0),
    });
    process.stderr.write(`${drains} at once: ${round(seconds, 2)} s, each message handled once\n`);
  }
  const head = ["drains", "seconds", "messages a second", "machine busy, %"];
  const rows = results.map((each) =>
    [each.drains, each.seconds, each.messagesPerSecond, each.busyPercent].map(String),
  );
  process.stdout.write(`${formatTable(head, rows).join("\n")}\n`);
}

/** Lets so many processes drain until nothing is left, and returns how long that took and how busy the machine was. */
async function drainTogether(bed: Bed, job: Job, drains: number): Promise<{ seconds: number; busy: number }> {
  const script = fileURLToPath(new URL("scale-process.ts", import.meta.url));
  const children = Array.from({ length: drains }, () => fork(script, { serialization: "advanced" }));
  try {
    await Promise.all(children.map((child) => once(child, "message"))); // loaded
    const startedAt = Date.now();
    const before = cpuTimes();
    const answers = await Promise.all(children.map((child) => ask(child, job)));
    const after = cpuTimes();
    // To the last message: after it each drain waits its max wait for another.
    const seconds = (Math.max(...answers.map(({ lastAt }) => lastAt)) - startedAt) / 1_000;
    expectEachOnce(
      answers.map(({ sequences }) => sequences),
      (await bed.server.consumerState(job.stream, job.consumer)).delivered,
    );
    return { seconds, busy: 1 - (after.idle - before.idle) / (after.all - before.all) };
  } finally {
    for (const child of children) child.kill("SIGKILL");
  }
}

/** Of all CPUs, since the machine started. */
function cpuTimes(): { idle: number; all: number } {
  const times = cpus().map((each) => each.times);
  return { idle: sum(times.map(({ idle }) => idle)), all: sum(times.flatMap((each) => Object.values(each))) };
}

async function ask(child: ChildProcess, job: Job): Promise<Drained> {
  child.send(job);
  const [answer] = (await once(child, "message")) as [ScaleAnswer];
  if (answer.kind !== "drained")
    throw new Error(answer.kind === "failed" ? answer.message : "a drain did not answer");
  return answer;
}

function expectEachOnce(answers: readonly Uint32Array[], delivered: number): void {
  const times = new Uint8Array(MESSAGES + 1);
  for (const sequences of answers) {
    for (const sequence of sequences) times[sequence] = (times[sequence] ?? 0) + 1;
  }
  const lost = times.subarray(1).filter((count) => count === 0).length;
  const twice = times.filter((count) => count > 1).length;
  if (lost > 0 || twice > 0 || delivered !== MESSAGES) {
    throw new Error(
      `${lost} messages lost, ${twice} handled twice; the server counts ${delivered} deliveries`,
    );
  }
}

try {
  await main();
} catch (error) {
  process.stderr.write(`bench:scale: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
