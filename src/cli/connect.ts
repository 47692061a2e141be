// A connection of a command: it is the operator's, and so may use all of the JetStream library.
import { type NatsConnection, wsconnect } from "@nats-io/nats-core";
import { classifyConnectFailure } from "../connection/failure.ts";
import { signIn } from "../connection/sign-in.ts";
import type { Login } from "./login.ts";

const CONNECT_MS = 10_000;

/**
 * Connects, without reconnect.
 *
 * @throws {Error} of one line: what is in the way
 */
export async function openConnection(
  { servers, auth, inboxPrefix }: Login,
  name: string,
): Promise<NatsConnection> {
  try {
    const prefix = inboxPrefix === undefined ? {} : { inboxPrefix };
    const urls = servers.split(",").map((each) => each.trim());
    const options = { name, reconnect: false, timeout: CONNECT_MS, ...signIn(auth).options, ...prefix };
    return await wsconnect({ servers: urls, ...options });
  } catch (cause) {
    throw new Error(classifyConnectFailure({ kind: "failed", cause }, servers).message, { cause });
  }
}
