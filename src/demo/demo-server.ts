// The demo's nats-server, with the stream and the consumer that the Worker drains, and what the
// server says of them.
import { randomBytes } from "node:crypto";
import {
  AckPolicy,
  DiscardPolicy,
  type JetStreamClient,
  type JetStreamManager,
  jetstream,
  jetstreamManager,
  RetentionPolicy,
} from "@nats-io/jetstream";
import { headers, type NatsConnection, wsconnect } from "@nats-io/nats-core";
import type { DemoEvent } from "./events.ts";
import type { NatsBinary } from "./nats-binary.ts";
import { type NatsExit, type NatsServer, startNatsServer } from "./nats-process.ts";

export const STREAM = "GITHUB";
export const CONSUMER = "sluice";
/** Where the Worker keeps its reports. */
export const BUCKET = "sluice";
/** Of the Worker's replies: its user hears no others. */
export const INBOX_PREFIX = "_INBOX_sluice";

interface Login {
  readonly user: string;
  readonly password: string;
}

/** The stream and its consumer, as the server has them. */
export interface ServerState {
  /** Sequence of the stream's last message: how many it ever took in. */
  readonly published: number;
  /** What a work queue no longer holds: it removes a message when it is acked. */
  readonly acked: number;
  /** Not delivered yet. */
  readonly pending: number;
  /** Delivered, and not settled. */
  readonly ackPending: number;
}

export interface DemoServer extends AsyncDisposable {
  readonly version: string;
  readonly wsUrl: string;
  readonly natsUrl: string;
  /** May do everything in the demo's account. */
  readonly admin: Login;
  /** May do what a drain needs, and no more. */
  readonly worker: Login;
  readonly exited: Promise<NatsExit>;
  /** Publishes the events, all in flight at once, and resolves when the stream has them. */
  publish(events: readonly DemoEvent[]): Promise<void>;
  state(): Promise<ServerState>;
}

/**
 * Starts the server and makes the work-queue stream, its durable consumer, and a bucket for the history.
 *
 * @throws an `Error` of one line when the server does not start
 */
export async function startDemoServer(binary: NatsBinary, signal: AbortSignal): Promise<DemoServer> {
  const admin = makeLogin("admin");
  const worker = makeLogin("worker");
  const server = await startNatsServer({ binary, config: accounts(admin, worker), signal });
  let connection: NatsConnection | undefined;
  const stop = async (): Promise<void> => {
    // The server goes first: closing a connection waits for an answer, and a frozen server gives none.
    await server.stop();
    await connection?.closed();
  };
  try {
    connection = await connectAdmin(server.wsUrl, admin);
    const manager = await jetstreamManager(connection);
    await makeStreams(manager);
    return demoServer(server, { admin, worker }, manager, jetstream(connection), stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

function demoServer(
  { version, wsUrl, natsUrl, exited }: NatsServer,
  logins: Pick<DemoServer, "admin" | "worker">,
  manager: JetStreamManager,
  client: JetStreamClient,
  stop: () => Promise<void>,
): DemoServer {
  return {
    version,
    wsUrl,
    natsUrl,
    exited,
    ...logins,
    publish: async (events) => {
      await answered(Promise.all(events.map((event) => publishEvent(client, event))));
    },
    state: async () => {
      const asked = Promise.all([manager.streams.info(STREAM), manager.consumers.info(STREAM, CONSUMER)]);
      const [stream, consumer] = await answered(asked);
      return {
        published: stream.state.last_seq,
        acked: stream.state.last_seq - stream.state.messages,
        pending: consumer.num_pending,
        ackPending: consumer.num_ack_pending,
      };
    },
    [Symbol.asyncDispose]: stop,
  };
}

async function connectAdmin(servers: string, { user, password: pass }: Login): Promise<NatsConnection> {
  try {
    return await wsconnect({ servers, user, pass, reconnect: false, name: "sluice demo" });
  } catch (cause) {
    // The server is ready and local, so what stands between is most likely a proxy:
    // NODE_USE_ENV_PROXY is for WebSockets too.
    const told = cause instanceof Error ? cause.message : String(cause);
    const advice = "is there a proxy? NO_PROXY must have 127.0.0.1";
    throw new Error(`the demo's own nats-server at ${servers} cannot be reached (${told}): ${advice}`, {
      cause,
    });
  }
}

async function makeStreams(manager: JetStreamManager): Promise<void> {
  await manager.streams.add({ name: STREAM, subjects: ["github.>"], retention: RetentionPolicy.Workqueue });
  await manager.consumers.add(STREAM, { durable_name: CONSUMER, ack_policy: AckPolicy.Explicit });
  // A KV bucket, as `nats kv add` makes it: a stream of that name.
  await manager.streams.add({
    name: `KV_${BUCKET}`,
    subjects: [`$KV.${BUCKET}.>`],
    max_msgs_per_subject: 64,
    allow_direct: true,
    allow_rollup_hdrs: true,
    deny_delete: true,
    discard: DiscardPolicy.New,
  });
}

async function publishEvent(client: JetStreamClient, event: DemoEvent): Promise<void> {
  const messageHeaders = headers();
  for (const [key, value] of Object.entries(event.headers)) messageHeaders.set(key, value);
  await client.publish(event.subject, event.body, { msgID: event.id, headers: messageHeaders });
}

/** Says plainly what nats.js puts as "closed connection" or "timeout". */
async function answered<T>(request: Promise<T>): Promise<T> {
  try {
    return await request;
  } catch (cause) {
    const told = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`the demo's own nats-server no longer answers (${told}): start the demo again`, {
      cause,
    });
  }
}

function makeLogin(user: string): Login {
  return { user, password: randomBytes(18).toString("base64url") };
}

/** An account with two users; the Worker's is the least privilege that the README asks for. */
function accounts(admin: Login, worker: Login): string {
  const publish = [
    `$JS.API.CONSUMER.MSG.NEXT.${STREAM}.${CONSUMER}`,
    `$JS.API.CONSUMER.INFO.${STREAM}.${CONSUMER}`,
    // The subject of an ack, in the form of today's servers and in the one with domain and account.
    `$JS.ACK.${STREAM}.${CONSUMER}.>`,
    `$JS.ACK.*.*.${STREAM}.${CONSUMER}.>`,
    // Its reports: to keep them, and to read them for the dashboard.
    `$KV.${BUCKET}.>`,
    `$JS.API.DIRECT.GET.KV_${BUCKET}`,
  ];
  return `accounts { DEMO {
    jetstream: enabled
    users: [
      { user: ${admin.user}, password: "${admin.password}" }
      { user: ${worker.user}, password: "${worker.password}", allowed_connection_types: [WEBSOCKET]
        permissions {
          publish { allow: ${JSON.stringify(publish)} }
          subscribe { allow: ["${INBOX_PREFIX}.>"] } } }
    ]
  } }`;
}
