// Peers in other languages: what the best of them needs for 20,000 messages, fetched and acked over TCP, beside Sluice in Node over
// WebSocket. Connecting and closing included, in warm processes, taking turns.
import type { Bench, Measure, Row } from "./bench.ts";
import type { Done } from "./contenders.ts";
import { findPeers, PeerError, type PeerName, type PeerProgram, startPeer } from "./peer-programs.ts";
import { alternate, median, round } from "./stats.ts";

export interface Peer {
  readonly name: PeerName;
  readonly case: string;
  /** Null where the peer cannot run here. */
  readonly ms: number | null;
  /** sluiceMs / ms */
  readonly ratio: number | null;
  /** Sluice's, in the same turns. */
  readonly sluiceMs: number | null;
  /** Why it was not measured. */
  readonly skipped?: string;
}

const MESSAGES = 20_000;
const CASES = [
  { name: "20,000 x 128 B", bytes: 128, mostOfGo: 1 },
  { name: "20,000 x 1 KiB", bytes: 1_024, mostOfGo: 1.05 },
] as const;
type Case = (typeof CASES)[number];

/** Python takes seconds, and there is nothing close to tell apart. */
const ROUNDS: Readonly<Record<PeerName, { count: number; warmUps: number }>> = {
  "nats.go": { count: 16, warmUps: 3 },
  "nats.py": { count: 2, warmUps: 1 },
  FastStream: { count: 2, warmUps: 0 },
};

export const peers: Measure<Peer[]> = {
  name: "peers",
  key: "peers",
  run: async (bench) => {
    const programs = await findPeers(bench.log);
    const results: Peer[] = [];
    for (const each of CASES) {
      const stream = await bench.bed.fill(MESSAGES, each.bytes);
      for (const program of programs) results.push(await measureOrSkip(bench, stream, each, program));
    }
    return results;
  },
  rows: (results) => results.map(row),
};

async function measureOrSkip(bench: Bench, stream: string, each: Case, program: PeerProgram): Promise<Peer> {
  const { name } = program;
  const skip = (skipped: string): Peer => {
    bench.log(`peers: ${name} skipped: ${skipped}`);
    return { name, case: each.name, ms: null, ratio: null, sluiceMs: null, skipped };
  };
  if ("skipped" in program) return skip(program.skipped);
  try {
    return await measurePeer(bench, stream, each, program);
  } catch (error) {
    if (error instanceof PeerError) return skip(error.message);
    throw error;
  }
}

async function measurePeer(
  bench: Bench,
  stream: string,
  each: Case,
  { name, command }: Extract<PeerProgram, { readonly command: unknown }>,
): Promise<Peer> {
  await using peer = startPeer(name, command);
  const job = { stream, messages: MESSAGES, batch: MESSAGES, maxWaitMs: 5_000 };
  const sides = {
    sluice: () => bench.bed.withConsumer(job, (asked) => bench.node.run("sluice", asked)),
    peer: () => bench.bed.withConsumer({ ...job, url: bench.bed.server.natsUrl }, peer.run),
  } satisfies Record<string, () => Promise<Done>>;
  const walls = await alternate(["sluice", "peer"], bench.rounds(ROUNDS[name]), async (side) => {
    const { handled, wallMs } = await sides[side]();
    if (handled !== MESSAGES)
      throw new Error(`${side === "peer" ? name : side} handled ${handled} of ${MESSAGES}`);
    return wallMs;
  });
  const [sluiceMs, ms] = [median(walls.sluice), median(walls.peer)];
  bench.log(`peers, ${each.name}: ${round(sluiceMs)} ms, ${name} ${round(ms)} ms`);
  return {
    name,
    case: each.name,
    ms: round(ms),
    ratio: round(sluiceMs / ms, 2),
    sluiceMs: round(sluiceMs),
  };
}

function row({ name, case: what, ms, ratio, sluiceMs, skipped }: Peer): Row {
  if (ms === null || ratio === null)
    return { what: `peers, ${what}, ${name}`, sluice: "", peer: `skipped: ${skipped}` };
  const most = name === "nats.go" ? CASES.find((each) => each.name === what)?.mostOfGo : undefined;
  return {
    what: `peers, ${what}, Node, beside ${name}`,
    sluice: `${sluiceMs} ms`,
    peer: `${ms} ms`,
    got: `${ratio} x`,
    ...(most === undefined ? {} : { target: `at most ${most} x`, met: ratio <= most }),
  };
}
