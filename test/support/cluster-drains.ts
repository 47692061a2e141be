// Many drains at once on a cluster of three, each in a process of its own, while the consumer's leader is killed in the middle:
// what was handled, how often, and what the reports say of it.
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Report } from "../../src/index.ts";
import { startCluster, type TestCluster } from "./cluster.ts";
import type { DrainsAnswer, DrainsAsk, Run } from "./cluster-drains-process.ts";

export interface ClusterDrains {
  readonly messages: number;
  readonly drains: number;
  /** Of each run, in milliseconds. */
  readonly limitMs: number;
  /** How long all of it may take once it drains. */
  readonly timeoutMs: number;
  log?(line: string): void;
}

/** What came of it. */
export interface ClusterResult {
  readonly seconds: number;
  /** Longest time without a message after the kill. */
  readonly stalledMs: number;
  readonly reports: readonly Report[];
  /** Handlings, each redelivery counted. */
  readonly handlings: number;
  readonly lost: number;
  /** Messages handled more than once, by what explains it. */
  readonly twice: Readonly<Record<Why, number>>;
}

/**
 * Why a message came again. `unconfirmed`: its drain reported settlements that nobody had confirmed, and does not know which.
 * `killed`: its drain had them all confirmed, and ran when the leader was killed. `nothing`: neither.
 */
type Why = "unconfirmed" | "killed" | "nothing";

const STREAM = "SCALE";
const CONSUMER = "drains";
const ACK_WAIT_MS = 10_000;
/** What a leader confirmed so shortly before its end may be unknown to those that come after it. */
const WINDOW_MS = 1_000;

/** A new leader is there by then. */
const ELECTION_MS = 10_000;

/** Publishes, drains, kills, and counts. */
export async function drainCluster(given: ClusterDrains): Promise<ClusterResult> {
  const { messages, log = () => {} } = given;
  await using cluster = await startCluster();
  await cluster.createStream(STREAM, {});
  await cluster.createConsumer(STREAM, CONSUMER, { max_ack_pending: 20_000, ack_wait: ACK_WAIT_MS * 1e6 });
  log(`publishing ${messages} messages to a stream of three replicas`);
  await cluster.publish(`${STREAM}.event`, messages, 128);
  return await drainAll(cluster, given, log);
}

async function drainAll(
  cluster: TestCluster,
  { messages, drains, limitMs, timeoutMs }: ClusterDrains,
  log: (line: string) => void,
): Promise<ClusterResult> {
  const script = fileURLToPath(new URL("cluster-drains-process.ts", import.meta.url));
  const children = Array.from({ length: drains }, () => fork(script, { serialization: "advanced" }));
  const runs: Run[] = [];
  let handled = 0;
  const half = Promise.withResolvers<void>();
  const stopped = children.map((child) =>
    follow(child, runs, (count) => {
      handled += count;
      if (handled >= messages / 2) half.resolve();
    }),
  );
  try {
    await Promise.all(children.map((child) => once(child, "message"))); // loaded
    const startedAt = Date.now();
    for (const [index, child] of children.entries()) child.send(ask(cluster, index, limitMs));
    await half.promise;
    const leader = await cluster.consumerLeader(STREAM, CONSUMER);
    const killedAt = Date.now();
    await cluster.kill(leader);
    log(`killed node ${leader}, the consumer's leader, after ${handled} messages`);
    await settled(cluster, Date.now() + timeoutMs);
    for (const child of children) child.send("stop");
    await Promise.all(stopped);
    return count(runs, messages, startedAt, killedAt);
  } finally {
    for (const child of children) child.kill("SIGKILL");
  }
}

/** Keeps a process's runs; resolves when it has stopped. */
function follow(child: ChildProcess, runs: Run[], onHandled: (count: number) => void): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  child.on("message", (answer: DrainsAnswer) => {
    if (answer.kind === "handled") onHandled(answer.count);
    if (answer.kind === "run") runs.push(answer);
    if (answer.kind === "stopped") resolve();
  });
  child.once("exit", () => reject(new Error("a draining process ended")));
  promise.catch(() => {});
  return promise;
}

/** Each process tries another node first. */
function ask({ wsUrls }: TestCluster, index: number, limitMs: number): DrainsAsk {
  const at = index % wsUrls.length;
  const servers = [...wsUrls.slice(at), ...wsUrls.slice(0, at)];
  return { servers, stream: STREAM, consumer: CONSUMER, limitMs };
}

async function settled(cluster: TestCluster, until: number): Promise<void> {
  for (;;) {
    const state = await cluster.consumerState(STREAM, CONSUMER).catch(() => undefined);
    if (state && state.pending + state.ackPending === 0) return;
    if (Date.now() > until) throw new Error(`not all was settled in time: ${JSON.stringify(state)}`);
    await sleep(200);
  }
}

/** What is not as it has to be: nothing lost, nothing again that the kill does not explain, and reports that add up. */
export function untruths({ lost, twice, reports, handlings }: ClusterResult, messages: number): string[] {
  const sum = (name: "fetched" | "acked" | "unconfirmed"): number =>
    reports.reduce((total, report) => total + report[name], 0);
  const [fetched, acked, unconfirmed] = [sum("fetched"), sum("acked"), sum("unconfirmed")];
  const untrue: [boolean, string][] = [
    [lost > 0, `${lost} messages were lost`],
    [twice.nothing > 0, `${twice.nothing} messages came again, and nothing explains it`],
    [twice.unconfirmed > unconfirmed, `${twice.unconfirmed} came again of ${unconfirmed} unconfirmed`],
    [fetched !== handlings, `the reports count ${fetched} messages fetched; ${handlings} were handled`],
    [
      acked + unconfirmed !== fetched,
      `${acked} acked and ${unconfirmed} unconfirmed are not ${fetched} fetched`,
    ],
    [acked > messages + twice.killed, `${acked} acks of ${messages} messages were confirmed`],
    [
      acked + unconfirmed < messages,
      `${acked} acked and ${unconfirmed} unconfirmed are fewer than ${messages}`,
    ],
  ];
  return untrue.flatMap(([is, what]) => (is ? [what] : []));
}

function count(runs: readonly Run[], messages: number, startedAt: number, killedAt: number): ClusterResult {
  const all = runs
    .flatMap(({ report, sequences, times }) =>
      Array.from(sequences, (sequence, at) => ({ sequence, at: times[at] ?? 0, report })),
    )
    .sort((a, b) => a.at - b.at);
  const earlier = new Map<number, (typeof all)[number]>();
  const twice: Record<Why, number> = { unconfirmed: 0, killed: 0, nothing: 0 };
  for (const each of all) {
    const before = earlier.get(each.sequence);
    earlier.set(each.sequence, each);
    if (!before) continue;
    const underKill = before.at > killedAt - WINDOW_MS && before.at < killedAt + ELECTION_MS;
    twice[before.report.unconfirmed > 0 ? "unconfirmed" : underKill ? "killed" : "nothing"] += 1;
  }
  // The longest time without a message around the kill. A million are too many for Math.max(...).
  let stalledMs = 0;
  for (const [index, { at }] of all.entries()) {
    if (at >= killedAt) stalledMs = Math.max(stalledMs, at - (all[index - 1]?.at ?? at));
  }
  return {
    seconds: ((all.at(-1)?.at ?? startedAt) - startedAt) / 1_000,
    stalledMs,
    reports: runs.map(({ report }) => report),
    handlings: all.length,
    lost: messages - earlier.size,
    twice,
  };
}
