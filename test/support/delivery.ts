// One delivery, pulled by hand, for tests of what a drain does with it.
import type { Msg, NatsConnection } from "@nats-io/nats-core";
import { createInbox } from "@nats-io/nats-core";
import { onTestFinished } from "vitest";
import { connect } from "../../src/connection/connect.ts";
import type { Connection } from "../../src/connection/connection.ts";
import type { Deadline } from "../../src/deadline.ts";
import { now } from "../../src/deadline.ts";
import { DeliveredMessage } from "../../src/message/message.ts";
import { labServer } from "./lab-client.ts";

const USERS = {
  admin: { user: "admin", password: "admin-pw" },
  drain: { user: "drain", password: "drain-pw" },
};

/** The deadline so many milliseconds from now. */
export function inMs(ms: number): Deadline {
  return now() + ms;
}

/** A connection as a drain makes one. Its owner closes it. */
export async function connectAs(user: keyof typeof USERS, servers: string): Promise<Connection> {
  const auth = USERS[user];
  const signal = new AbortController().signal;
  const attempt = await connect({ servers, auth, name: "sluice" }, inMs(10_000), signal);
  if (attempt.kind !== "connected") throw new Error(`not connected: ${attempt.kind}`);
  return attempt.connection;
}

/** nats-core's connection of the admin to a server of this test's own, closed when it has finished. */
export async function adminOfNewServer(): Promise<NatsConnection> {
  const server = await labServer();
  const connection = await connectAs("admin", server.wsUrl);
  onTestFinished(() => connection.close());
  return connection.nats;
}

/** The next message of a consumer. */
export async function pullOne(
  nats: NatsConnection,
  stream: string,
  consumer: string,
): Promise<DeliveredMessage> {
  const inbox = createInbox();
  const received = new Promise<Msg>((resolve) => {
    nats.subscribe(inbox, { max: 1, callback: (_error, msg) => resolve(msg) });
  });
  const request = JSON.stringify({ batch: 1, expires: 5_000_000_000 });
  nats.publish(`$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`, request, { reply: inbox });
  return new DeliveredMessage(await received);
}
