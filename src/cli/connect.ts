// A connection of a command: made as a drain makes its own, with the same bounds on what a server may
// do, and the same care for the credentials.
import { connect } from "../connection/connect.ts";
import type { Connection } from "../connection/connection.ts";
import { classifyConnectFailure } from "../connection/failure.ts";
import { insecureServers, showServers } from "../connection/login.ts";
import { now } from "../deadline.ts";
import type { Login } from "./login.ts";
import { printable } from "./terminal.ts";

const CONNECT_MS = 10_000;
/** A message of nats-server's largest max_payload, 64 MiB, in base64. */
const MAX_ANSWER_BYTES = 90_000_000;

/**
 * Connects, without reconnect. Says on stderr where it is not encrypted.
 *
 * @throws {Error} of one line: what is in the way
 */
export async function openConnection(login: Login, name: string, signal: AbortSignal): Promise<Connection> {
  for (const server of insecureServers(login))
    process.stderr.write(`sluice: the connection to ${printable(server)} is not encrypted\n`);
  const request = { ...login, name, maxBytes: MAX_ANSWER_BYTES };
  const attempt = await connect(request, now() + CONNECT_MS, signal);
  if (attempt.kind === "connected") return attempt.connection;
  throw new Error(classifyConnectFailure(attempt, showServers(login.servers)).message);
}
