// Many drains: messages taken by 1, 2, 4 and 8 drains at once, each in a process of its own, and every message accounted for: none
// lost, none handled twice.
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import type { Bed } from "./bed.ts";
import type { Measure } from "./bench.ts";
import type { Job } from "./contenders.ts";
import type { Drained, ScaleAnswer } from "./scale-process.ts";
import { round, sum } from "./stats.ts";

export interface Scaled {
  readonly drains: number;
  readonly messages: number;
  readonly seconds: number;
  readonly messagesPerSecond: number;
  /** Of all drains together, without nats-server. */
  readonly cpuMs: number;
  /** Resident memory of one drain's process, the largest. */
  readonly memoryBytes: number;
  /** How busy the machine was, nats-server included: more drains bring no more once it is full. */
  readonly busyPercent: number;
}

export const SCALE_BYTES = 128;
const MESSAGES = 200_000;
const QUICK_MESSAGES = 20_000;
const DRAINS = [1, 2, 4, 8];
const BATCH = 5_000;
// Its heartbeat, a third, leaves room for a machine that so many processes fill. What comes after the last message is not counted.
const MAX_WAIT_MS = 3_000;

export const scale: Measure<Scaled[]> = {
  name: "scale",
  key: "scale",
  run: async ({ bed, rounds, log }) => {
    const { count } = rounds({ count: 2, warmUps: 0 });
    return await measureScale(bed, count > 1 ? MESSAGES : QUICK_MESSAGES, log);
  },
  rows: (results) =>
    results.map((each) => ({
      what: `${each.messages.toLocaleString("en-US")} x ${SCALE_BYTES} B by drains at once: ${each.drains}`,
      sluice: `${each.messagesPerSecond.toLocaleString("en-US")} a second`,
      peer: "",
      got: `machine ${each.busyPercent} % busy`,
    })),
};

export async function measureScale(
  bed: Bed,
  messages: number,
  log: (line: string) => void,
): Promise<Scaled[]> {
  const stream = await bed.fill(messages, SCALE_BYTES);
  const results: Scaled[] = [];
  for (const drains of DRAINS) {
    const job = { stream, messages, batch: BATCH, maxWaitMs: MAX_WAIT_MS };
    const scaled = await bed.withConsumer(job, (each) => drainTogether(bed, each, drains));
    log(`${drains} drains at once: ${scaled.seconds} s, each message handled once`);
    results.push(scaled);
  }
  return results;
}

/** Lets so many processes drain until nothing is left. */
async function drainTogether(bed: Bed, job: Job, drains: number): Promise<Scaled> {
  const script = fileURLToPath(new URL("scale-process.ts", import.meta.url));
  const children = Array.from({ length: drains }, () => fork(script, { serialization: "advanced" }));
  try {
    await Promise.all(children.map(answerOf)); // loaded
    const startedAt = Date.now();
    const before = cpuTimes();
    const answers = await Promise.all(children.map((child) => ask(child, job)));
    const after = cpuTimes();
    // To the last message: after it each drain waits its max wait for another.
    const seconds = (Math.max(...answers.map(({ lastAt }) => lastAt)) - startedAt) / 1_000;
    const { delivered } = await bed.server.consumerState(job.stream, job.consumer);
    expectEachOnce(job.messages, answers, delivered);
    return {
      drains,
      messages: job.messages,
      seconds: round(seconds, 2),
      messagesPerSecond: Math.round(job.messages / seconds),
      cpuMs: round(sum(answers.map(({ cpuMs }) => cpuMs)), 0),
      memoryBytes: Math.max(...answers.map(({ memoryBytes }) => memoryBytes)),
      busyPercent: round(100 * (1 - (after.idle - before.idle) / (after.all - before.all)), 0),
    };
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
  const answer = await answerOf(child);
  if (answer.kind !== "drained")
    throw new Error(answer.kind === "failed" ? answer.message : "a drain did not answer");
  return answer;
}

async function answerOf(child: ChildProcess): Promise<ScaleAnswer> {
  const ended = new AbortController();
  child.once("exit", () => ended.abort());
  const [answer] = (await once(child, "message", { signal: ended.signal })) as [ScaleAnswer]; // as scale-process.ts sends it
  return answer;
}

function expectEachOnce(messages: number, answers: readonly Drained[], delivered: number): void {
  const times = new Uint8Array(messages + 1);
  for (const { sequences } of answers) {
    for (const sequence of sequences) times[sequence] = (times[sequence] ?? 0) + 1;
  }
  const lost = times.subarray(1).filter((count) => count === 0).length;
  const twice = times.filter((count) => count > 1).length;
  if (lost > 0 || twice > 0 || delivered !== messages) {
    throw new Error(
      `${lost} messages lost, ${twice} handled twice; the server counts ${delivered} deliveries`,
    );
  }
}
