// A real nats-server for a test, with one user that may do what a drain needs and no more, and one that may do all.
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { pipeline } from "node:stream/promises";
import { connect as connectTls } from "node:tls";
import {
  AckPolicy,
  type ConsumerConfig,
  type ConsumerInfo,
  type JetStreamManager,
  jetstream,
  jetstreamManager,
  type StreamConfig,
  type StreamInfo,
} from "@nats-io/jetstream";
import { type ConnectionOptions, type NatsConnection, wsconnect } from "@nats-io/nats-core";
import { findNatsBinary, readNatsVersion } from "../../src/demo/nats-binary.ts";
import { type NatsServer, type NatsServerOptions, startNatsServer } from "../../src/demo/nats-process.ts";

/** The least-privilege user; over WebSocket only. */
const DRAIN_USER = { user: "drain", pass: "drain-pw" } as const;
/** The user that may do everything in the account. */
export const ADMIN_USER = { user: "admin", pass: "admin-pw" } as const;
/** The admin as an entry of a `users` list, for tests that bring their own authorization. */
export const ADMIN_USER_CONFIG: string = `{ user: ${ADMIN_USER.user}, password: "${ADMIN_USER.pass}" }`;
/** What a drain may do, for any stream and consumer, as a `permissions` block. Dead letters go to `dlq.>`. */
export const DRAIN_PERMISSIONS = `{
  publish: { allow: [
    "$JS.API.CONSUMER.MSG.NEXT.*.*", "$JS.API.CONSUMER.INFO.*.*", "$JS.ACK.>", "dlq.>"
  ] }
  subscribe: { allow: ["_INBOX.>"] }
}`;

export interface TestServerOptions extends Omit<NatsServerOptions, "binary" | "websocket"> {
  /** @default the one in `SLUICE_TEST_NATS` (a path), else as `findNatsBinary()` finds it */
  binary?: NatsServerOptions["binary"];
  /** Replaces the accounts and users: an `authorization` or `accounts` block, as text. @default drain and admin */
  authorization?: string;
  /** How `admin()` logs in, where `authorization` has no {@link ADMIN_USER}. @default ADMIN_USER */
  adminLogin?: Pick<ConnectionOptions, "user" | "pass" | "token" | "authenticator">;
  /** Certificate and key of the WebSocket listener, as PEM file paths. @default plain WebSocket */
  tls?: { cert: string; key: string };
}

/** A consumer as the server sees it. */
export interface ConsumerState {
  /** Messages not delivered yet. */
  pending: number;
  /** Messages delivered and not settled. */
  ackPending: number;
  /** Of those, the ones delivered more than once. */
  redelivered: number;
  /** Pull requests that wait. */
  waiting: number;
  /** Deliveries so far, redeliveries counted: the consumer sequence. */
  delivered: number;
  /** Everything up to this stream sequence is settled. */
  ackFloor: number;
}

export interface TestServer extends NatsServer {
  /** The admin's connection: one for all callers, made anew when it was lost, closed by `stop()`. */
  admin(): Promise<NatsConnection>;
  /** Adds a stream. @default subjects [`<name>.>`] */
  createStream(name: string, config?: Partial<StreamConfig>): Promise<StreamInfo>;
  /** Adds a durable pull consumer with explicit acks. */
  createConsumer(stream: string, durable: string, config?: Partial<ConsumerConfig>): Promise<ConsumerInfo>;
  /**
   * Publishes messages, many in flight, and resolves when the stream has them all.
   *
   * @param bodies the size of each in bytes, or their texts, used again from the first when there are fewer than `count`.
   *   `@default` the texts `message 1`, `message 2` …
   */
  publish(subject: string, count: number, bodies?: number | readonly (string | Uint8Array)[]): Promise<void>;
  consumerState(stream: string, consumer: string): Promise<ConsumerState>;
}

const PUBLISHES_IN_FLIGHT = 1_000;

/** Starts a server on free ports; `await using` stops it. */
export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const { authorization, adminLogin, tls, config, binary, ...rest } = options;
  const server = await startNatsServer({
    ...rest,
    binary: binary ?? (await testBinary()),
    config: `${authorization ?? defaultAccounts(options.jetstream ?? true)}\n${config ?? ""}`,
    ...(tls === undefined ? {} : { websocket: { tls } }),
  });
  const tunnel = tls === undefined ? undefined : await openTunnel(server.ports.ws);
  const adminPort = tunnel?.port ?? server.ports.ws;
  let connection: Promise<NatsConnection> | undefined;

  const connectAdmin = async (): Promise<NatsConnection> => {
    try {
      const servers = `ws://127.0.0.1:${adminPort}`;
      const opened = await wsconnect({
        ...(adminLogin ?? ADMIN_USER),
        servers,
        reconnect: false,
        name: "test admin",
      });
      void opened.closed().then(() => {
        connection = undefined;
      });
      return opened;
    } catch (error) {
      connection = undefined;
      throw error;
    }
  };
  const admin = (): Promise<NatsConnection> => (connection ??= connectAdmin());
  const manager = async () => await managerOf(await admin());
  const stop = async (): Promise<void> => {
    const last = connection?.catch(() => undefined);
    // The server goes first: opening and closing a connection wait for an answer, and a frozen server gives none.
    await server.stop();
    tunnel?.close();
    await (await last)?.closed();
  };

  return {
    ...server,
    admin,
    createStream: async (name, overrides) =>
      await (await manager()).streams.add({ subjects: [`${name}.>`], ...overrides, name }),
    createConsumer: async (stream, durable, overrides) =>
      await (await manager()).consumers.add(stream, {
        ack_policy: AckPolicy.Explicit,
        ...overrides,
        durable_name: durable,
      }),
    publish: async (subject, count, bodies) => {
      const connected = await admin();
      const client = jetstream(connected, { timeout: 30_000 });
      const bodyOf = bodyMaker(bodies);
      for (let done = 0; done < count; done += PUBLISHES_IN_FLIGHT) {
        const end = Math.min(count, done + PUBLISHES_IN_FLIGHT) - 1;
        // A stream stores in the order of arrival: the answers to the first and the last tell of all between.
        const first = client.publish(subject, bodyOf(done));
        for (let at = done + 1; at < end; at += 1) connected.publish(subject, bodyOf(at));
        const last = end > done ? client.publish(subject, bodyOf(end)) : first;
        const [from, to] = await Promise.all([first, last]);
        const stored = to.seq - from.seq + 1;
        if (stored < end - done + 1) throw new Error(`${subject}: ${stored} messages were stored`);
      }
    },
    consumerState: async (stream, consumer) => {
      const info = await (await manager()).consumers.info(stream, consumer);
      return {
        pending: info.num_pending,
        ackPending: info.num_ack_pending,
        redelivered: info.num_redelivered,
        waiting: info.num_waiting,
        delivered: info.delivered.consumer_seq,
        ackFloor: info.ack_floor.stream_seq,
      };
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** JetStream's API, without the question that its client asks first: whether the account has it. */
export async function managerOf(nats: NatsConnection): Promise<JetStreamManager> {
  return await jetstreamManager(nats, { checkAPI: false });
}

let found: Promise<NatsServerOptions["binary"]> | undefined;

/** Found once a process: its hash is taken and it is asked for its version, which costs what a server's start does. */
function testBinary(): Promise<NatsServerOptions["binary"]> {
  found ??= findTestBinary();
  return found;
}

async function findTestBinary(): Promise<NatsServerOptions["binary"]> {
  const path = process.env.SLUICE_TEST_NATS;
  return path ? { path, version: await readNatsVersion(path) } : await findNatsBinary();
}

function defaultAccounts(withJetStream: boolean): string {
  const drain = `{ user: ${DRAIN_USER.user}, password: "${DRAIN_USER.pass}", allowed_connection_types: [WEBSOCKET],
    permissions: ${DRAIN_PERMISSIONS} }`;
  return `accounts { APP {
    ${withJetStream ? "jetstream: enabled" : ""}
    users: [ ${ADMIN_USER_CONFIG}, ${drain} ]
  } }`;
}

function bodyMaker(
  bodies?: number | readonly (string | Uint8Array)[],
): (index: number) => string | Uint8Array {
  if (bodies === undefined) return (index) => `message ${index + 1}`;
  if (typeof bodies !== "number") return (index) => bodies[index % bodies.length] ?? "";
  const body = new Uint8Array(bodies).fill(120); // "x", to be legible in a log
  return () => body;
}

/**
 * Lets the admin reach a TLS listener whatever its certificate is: a plain port in front of it. The alternative, trusting
 * the test's authority in this process, would also hide what the tests of certificates are about.
 */
async function openTunnel(tlsPort: number): Promise<{ port: number; close(): void }> {
  const abort = new AbortController();
  const listener = createServer((client) => {
    const upstream = connectTls({ host: "127.0.0.1", port: tlsPort, rejectUnauthorized: false });
    // Either side's end or error ends both; the admin's connection then reports it.
    pipeline(client, upstream, client, { signal: abort.signal }).catch(() => {});
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address() as AddressInfo; // A listening TCP server has no other kind of address.
  return {
    port,
    close: () => {
      abort.abort();
      listener.close();
    },
  };
}
