// A real JetStream cluster of three nats-servers on loopback, whose nodes a test can crash and freeze.
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import {
  type ConsumerConfig,
  type ConsumerInfo,
  jetstreamManager,
  type StreamConfig,
} from "@nats-io/jetstream";
import type { ConsumerState, TestServer } from "./nats.ts";
import { startTestServer } from "./nats.ts";

/** A cluster, with the users of nats.ts. Its admin works through a node that is neither killed nor frozen. */
export interface TestCluster extends AsyncDisposable {
  /** Each node's WebSocket address, in the order of the indices. */
  readonly wsUrls: readonly string[];
  readonly version: string;
  /** Adds a stream with a replica on each node. @default subjects [`<name>.>`] */
  createStream(name: string, config?: Partial<StreamConfig>): Promise<void>;
  /** Adds a durable pull consumer with explicit acks, replicated as its stream is. */
  createConsumer(stream: string, durable: string, config?: Partial<ConsumerConfig>): Promise<void>;
  /** As {@link TestServer.publish}; waits while the stream has no leader. */
  publish(subject: string, count: number, bodies?: number | readonly string[]): Promise<void>;
  consumerState(stream: string, consumer: string): Promise<ConsumerState>;
  /** Index of the consumer's leader; waits while there is none, up to {@link ELECTION_TIMEOUT_MS}. */
  consumerLeader(stream: string, consumer: string): Promise<number>;
  /** Makes the consumer's leader give up its place, as an operator would; resolves with the new leader's index. */
  stepDown(stream: string, consumer: string): Promise<number>;
  /** A crash: SIGKILL. Resolves once the process is gone. */
  kill(index: number): Promise<void>;
  /** SIGSTOP: the node's sockets stay open and it says no more. */
  freeze(index: number): void;
  /** Ends {@link freeze}. */
  thaw(index: number): void;
  stop(): Promise<void>;
}

const NODES = 3;
/** A follower waits 4 to 9 s for a leader before it stands for election itself (raft.go, minElectionTimeout). */
const ELECTION_TIMEOUT_MS = 25_000;
// Without a leader a request gets no answer at all; asked again soon, it is not what the wait is for.
const ASK_MS = 500;
const POLL_MS = 50;
const START_ATTEMPTS = 5;

/** Starts the nodes together and waits until they have a leader for the JetStream API. */
export async function startCluster(): Promise<TestCluster> {
  const nodes = await startNodes();
  const down = new Set<number>();
  const stop = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node.stop()));
  };
  const live = (): TestServer => {
    const node = nodes.find((_, index) => !down.has(index));
    if (!node) throw new Error("no node of the cluster is left");
    return node;
  };
  const manager = async () => await jetstreamManager(await live().admin(), { timeout: ASK_MS });
  const nodeAt = (index: number): TestServer => {
    const node = nodes[index];
    if (!node) throw new RangeError(`the cluster has no node ${index}`);
    return node;
  };
  const leaderOf = async (stream: string, consumer: string, not?: string): Promise<number> =>
    await until(`a leader of ${stream} > ${consumer}`, async () => {
      const info: ConsumerInfo = await (await manager()).consumers.info(stream, consumer);
      const leader = info.cluster?.leader;
      const index = nodes.findIndex((_, at) => nodeName(at) === leader);
      return index >= 0 && !down.has(index) && leader !== not ? index : undefined;
    });

  /** Publishing without a leader is answered with "no responders", and trying again would publish some messages twice. */
  const streamLeads = async (subject: string): Promise<boolean> =>
    await until(`a leader of the stream of ${subject}`, async () => {
      const { streams } = await manager();
      const { cluster } = await streams.info(await streams.find(subject));
      return nodes.some((_, at) => nodeName(at) === cluster?.leader && !down.has(at)) || undefined;
    });

  try {
    await until("a leader of the cluster", async () => {
      // jetstreamManager() asks for the account's JetStream facts, which only the meta leader answers.
      await manager();
      return true;
    });
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    wsUrls: nodes.map((node) => node.wsUrl),
    version: live().version,
    // The leader places replicas on the nodes that it has heard of, which may not be all at first. Asked again, it adds none.
    createStream: async (name, config) => {
      const full = { num_replicas: NODES, ...config };
      await until(`places for the stream ${name}`, () => live().createStream(name, full));
    },
    createConsumer: async (stream, durable, config) =>
      void (await live().createConsumer(stream, durable, config)),
    publish: async (subject, count, bodies) => {
      await streamLeads(subject);
      await live().publish(subject, count, bodies);
    },
    consumerState: async (stream, consumer) => await live().consumerState(stream, consumer),
    consumerLeader: async (stream, consumer) => await leaderOf(stream, consumer),
    stepDown: async (stream, consumer) => {
      const before = await leaderOf(stream, consumer);
      await (await live().admin()).request(`$JS.API.CONSUMER.LEADER.STEPDOWN.${stream}.${consumer}`);
      return await leaderOf(stream, consumer, nodeName(before));
    },
    kill: async (index) => {
      down.add(index);
      nodeAt(index).signal("SIGKILL");
      await nodeAt(index).exited;
    },
    freeze: (index) => {
      down.add(index);
      nodeAt(index).signal("SIGSTOP");
    },
    thaw: (index) => {
      nodeAt(index).signal("SIGCONT");
      down.delete(index);
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function nodeName(index: number): string {
  return `node${index}`;
}

/** The routes have to be known before the nodes start, and a port that was free a moment ago may be taken: then once more. */
async function startNodes(): Promise<TestServer[]> {
  for (let attempt = 1; ; attempt += 1) {
    const ports = await freePorts(NODES);
    const routes = ports.map((port) => `nats://127.0.0.1:${port}`).join(", ");
    const starts = await Promise.allSettled(
      ports.map((port, index) =>
        startTestServer({
          name: nodeName(index),
          config: `cluster { name: sluice, listen: "127.0.0.1:${port}", routes: [${routes}] }`,
        }),
      ),
    );
    const started = starts.flatMap((start) => (start.status === "fulfilled" ? [start.value] : []));
    if (started.length === NODES) return started;
    await Promise.all(started.map((node) => node.stop()));
    const reason: unknown = starts.find((start) => start.status === "rejected")?.reason;
    if (attempt === START_ATTEMPTS || !String(reason).includes("is taken")) throw reason;
  }
}

/** Ports that nothing listens on. Held together until all are known, so that they differ. */
async function freePorts(count: number): Promise<number[]> {
  const listeners = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(listeners.map((listener) => once(listener, "listening")));
  const ports = listeners.map((listener) => (listener.address() as AddressInfo).port); // a listening TCP server's kind
  await Promise.all(listeners.map(async (listener) => await once(listener.close(), "close")));
  return ports;
}

/** Asks until there is an answer: a server tells nobody but its system account that a leader was elected. */
async function until<T>(what: string, ask: () => Promise<T | undefined>): Promise<T> {
  const deadline = performance.now() + ELECTION_TIMEOUT_MS;
  let last: unknown;
  while (performance.now() < deadline) {
    try {
      const answer = await ask();
      if (answer !== undefined) return answer;
    } catch (error) {
      last = error; // No leader yet is an error to the API, or no answer at all.
    }
    await pause(POLL_MS);
  }
  throw new Error(`${what}: none within ${ELECTION_TIMEOUT_MS / 1_000} s`, { cause: last });
}
