// The laboratory's exhibits: what of each server, proxy and peer a test can see and call over HTTP.
import { readdir, readFile, writeFile } from "node:fs/promises";
import type { ConsumerConfig, JetStreamManager } from "@nats-io/jetstream";
import type { TestCluster } from "./cluster.ts";
import type { JwtWorld } from "./jwt.ts";
import { ADMIN_USER, managerOf, type TestServer } from "./nats.ts";
import type { TestPeer } from "./peers.ts";
import type { TestProxy } from "./proxy.ts";
import { publishRaw, type RawMessage } from "./raw-publisher.ts";
import type { Step } from "./scripted/script.ts";
import type { ScriptedServer } from "./scripted.ts";

/** One thing in the laboratory: plain facts for the test, and methods that it calls by name. */
export interface Exhibit {
  readonly facts: Readonly<Record<string, unknown>>;
  // Arguments and results are JSON; the client's types (lab-client.ts) are the contract of what is passed.
  readonly methods: Readonly<Record<string, (...args: never[]) => unknown>>;
  readonly stop: () => Promise<void>;
}

/** What a test may ask of a server, beside what {@link TestServer} can. */
export type ServerExhibit = ReturnType<typeof serverExhibit>;
export type ProxyExhibit = ReturnType<typeof proxyExhibit>;
export type PeerExhibit = ReturnType<typeof peerExhibit>;
export type ScriptedExhibit = ReturnType<typeof scriptedExhibit>;
export type ClusterExhibit = ReturnType<typeof clusterExhibit>;
export type JwtExhibit = ReturnType<typeof jwtExhibit>;

export function serverExhibit(server: TestServer) {
  const manager = async () => await managerOf(await server.admin());
  return {
    facts: { wsUrl: server.wsUrl, version: server.version, ports: server.ports, pid: server.pid },
    methods: {
      signal: async (name: NodeJS.Signals) => {
        server.signal(name);
        if (name === "SIGSTOP") await onceStopped(server.pid);
      },
      output: () => server.output(),
      /** Changes its configuration, and resolves when it has read that. */
      reload: async (text: string, by: string) => {
        const config = await readFile(server.configFile, "utf8");
        if (!config.includes(text)) throw new Error(`the configuration has no ${text}`);
        await writeFile(server.configFile, config.replace(text, by));
        server.signal("SIGHUP");
        while (!server.output().includes("Reloaded server configuration")) await nextTurn();
      },
      createStream: async (name: string, config?: Parameters<TestServer["createStream"]>[1]) =>
        void (await server.createStream(name, config)),
      createConsumer: async (
        stream: string,
        durable: string,
        config?: Parameters<TestServer["createConsumer"]>[2],
      ) => void (await server.createConsumer(stream, durable, config)),
      publish: (subject: string, count: number, bodies?: number | readonly string[]) =>
        server.publish(subject, count, bodies),
      /** Any bytes as headers and body; resolves when the server has read them. Needs the default users. */
      publishRaw: (...messages: RawMessage[]) =>
        publishRaw({ port: server.ports.nats, ...ADMIN_USER }, messages),
      consumerState: (stream: string, consumer: string) => server.consumerState(stream, consumer),
      consumerConfig: async (stream: string, consumer: string) =>
        (await (await manager()).consumers.info(stream, consumer)).config,
      updateStream: async (stream: string, config: Parameters<JetStreamManager["streams"]["update"]>[1]) =>
        void (await (await manager()).streams.update(stream, config)),
      streamState: async (stream: string) => (await (await manager()).streams.info(stream)).state,
      consumerCount: async (stream: string) =>
        (await (await manager()).streams.info(stream)).state.consumer_count,
      deleteConsumer: async (stream: string, consumer: string) =>
        (await manager()).consumers.delete(stream, consumer),
      deleteStream: async (stream: string) => (await manager()).streams.delete(stream),
      purgeStream: async (stream: string, subject?: string) =>
        void (await (await manager()).streams.purge(stream, subject ? { filter: subject } : undefined)),
      updateConsumer: async (stream: string, durable: string, config: Partial<ConsumerConfig>) =>
        void (await (await manager()).consumers.update(stream, durable, config)),
      /** Rejects at once before nats-server 2.11, which would give no answer. */
      pauseConsumer: async (stream: string, consumer: string, untilMs: number) => {
        if (/^2\.(9|10)\./.test(server.version))
          throw new Error(`nats-server ${server.version} cannot pause`);
        await (await manager()).consumers.pause(stream, consumer, new Date(untilMs));
      },
      /** Takes the pin of the consumer's priority group away: JetStream's API, newer than its client. */
      unpinConsumer: async (stream: string, consumer: string, group: string) => {
        const subject = `$JS.API.CONSUMER.UNPIN.${stream}.${consumer}`;
        await (await server.admin()).request(subject, JSON.stringify({ group }));
      },
      /** Client connections of that name that are open now. */
      connections: async (name?: string) => await countConnections(server, name ?? "sluice"),
      messages: async (stream: string) => await readMessages(await manager(), stream),
    },
    stop: () => server.stop(),
  };
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A stop reaches a process' threads one by one; until the last it may still answer. Linux tells when it is through. */
async function onceStopped(pid: number): Promise<void> {
  if (process.platform !== "linux") return;
  const tasks = await readdir(`/proc/${pid}/task`);
  for (const task of tasks) {
    // The state follows the name, which is in parentheses: proc(5).
    while (!/\) [TZX] /.test(await readFile(`/proc/${pid}/task/${task}/stat`, "utf8").catch(() => ") X "))) {
      await nextTurn();
    }
  }
}

/** A message of a stream, as a test reads it: a dead letter, for one. */
export interface StoredMessage {
  readonly sequence: number;
  readonly subject: string;
  readonly data: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** All of a stream's messages, one by one: direct gets of many at once came with nats-server 2.11. */
async function readMessages(manager: JetStreamManager, stream: string): Promise<StoredMessage[]> {
  const { first_seq: first, last_seq: last } = (await manager.streams.info(stream)).state;
  const messages: StoredMessage[] = [];
  for (let sequence = Math.max(1, first); sequence <= last; sequence += 1) {
    const message = await manager.streams.getMessage(stream, { seq: sequence });
    if (!message) continue; // Deleted since: a hole in the sequence.
    const { subject, header } = message;
    const headers = Object.fromEntries(Array.from(header?.keys() ?? [], (key) => [key, header.get(key)]));
    messages.push({ sequence, subject, data: new TextDecoder().decode(message.data), headers });
  }
  return messages;
}

async function countConnections(server: TestServer, name: string): Promise<number> {
  const response = await fetch(`${server.monitorUrl}/connz?limit=10000`);
  const { connections } = (await response.json()) as { connections: { name?: string }[] }; // as nats-server documents it
  return connections.filter((connection) => connection.name === name).length;
}

export function proxyExhibit(proxy: TestProxy, scheme: "ws" | "wss") {
  return {
    // Certificates are for localhost and 127.0.0.1 alike.
    facts: { url: `${scheme}://127.0.0.1:${proxy.port}`, port: proxy.port },
    methods: {
      latency: (ms: number) => {
        proxy.latencyMs = ms;
      },
      idle: (ms: number) => {
        proxy.idleMs = ms;
      },
      cut: () => proxy.cut(),
      halfOpen: () => proxy.halfOpen(),
      blackhole: (direction: "up" | "down" | "both") => proxy.blackhole(direction),
      breakAt: (moment: Parameters<TestProxy["breakAt"]>[0]) => proxy.breakAt(moment),
      refuseNew: () => proxy.refuseNew(),
      restore: () => proxy.restore(),
      onceBytesUp: (bytes: number) => proxy.onceBytesUp(bytes),
      onceBytesDown: (bytes: number) => proxy.onceBytesDown(bytes),
      /** Resolves once the server has sent a chunk that holds the text. TLS would hide it, and so would a frame's compression. */
      onceDownText: (text: string) => proxy.onceBytesDown((chunk) => chunk.includes(text)),
      counts: () => ({
        up: proxy.bytesUp,
        down: proxy.bytesDown,
        open: proxy.connections,
        accepted: proxy.accepted,
      }),
    },
    stop: () => proxy.stop(),
  };
}

export function peerExhibit(peer: TestPeer) {
  return {
    facts: { port: peer.port, wsUrl: peer.wsUrl },
    methods: {
      connections: () => peer.connections,
      accepted: () => peer.accepted,
      onceConnections: (count: number) => peer.onceConnections(count),
    },
    stop: () => peer.stop(),
  };
}

export function scriptedExhibit(server: ScriptedServer) {
  return {
    facts: { port: server.port, wsUrl: server.wsUrl },
    methods: {
      acks: () => server.acks(),
      pulls: () => server.pulls(),
      published: () => server.published(),
      connects: () => server.connects(),
      connections: () => server.connections(),
      oncePulls: (count: number) => server.oncePulls(count),
      onceAcks: (count: number) => server.onceAcks(count),
      onceGone: () => server.onceGone(),
      play: (steps: readonly Step[]) => server.play(steps),
    },
    stop: () => server.stop(),
  };
}

export function clusterExhibit(cluster: TestCluster) {
  const { wsUrls, version, stop, [Symbol.asyncDispose]: _, ...methods } = cluster;
  return { facts: { wsUrls, version }, methods, stop };
}

/** A server in operator mode. Its facts have the `.creds` texts that never change. */
export function jwtExhibit(server: TestServer, world: JwtWorld) {
  const { good, expired, revoked, stranger, admin, shortLived } = world;
  const { facts, methods, stop } = serverExhibit(server);
  return {
    facts: { ...facts, creds: { good, expired, revoked, stranger, admin } },
    methods: { ...methods, shortLived },
    stop,
  };
}
