// A connection opened at first use, and again where it was lost: for publishing beside the drain's own.
import { ConnectionError, type PermissionViolationError } from "@nats-io/nats-core";
import type { Deadline } from "../deadline.ts";
import { type ConnectRequest, connect } from "./connect.ts";
import type { Connection } from "./connection.ts";
import { isAuthError } from "./failure.ts";

export class LazyConnection {
  readonly #request: ConnectRequest;
  readonly #deadline: Deadline;
  readonly #watcher: (denied: PermissionViolationError) => void;
  readonly #closing = new AbortController();
  #opening: Promise<Connection> | undefined;

  /** @param watcher is told each permission that a connection lacks */
  constructor(
    request: ConnectRequest,
    deadline: Deadline,
    watcher: (denied: PermissionViolationError) => void,
  ) {
    this.#request = { ...request, opening: undefined };
    this.#deadline = deadline;
    this.#watcher = watcher;
  }

  /** The connection; rejects when it cannot be opened before the deadline, or was closed. */
  async get(): Promise<Connection> {
    const last = this.#opening;
    const current = await last?.catch(() => undefined);
    if (current && !current.nats.isClosed()) return current;
    // Whoever finds it gone first opens the next one, for all who wait.
    if (this.#opening === last || !this.#opening) this.#opening = this.#open();
    return await this.#opening;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    const current = await this.#opening?.catch(() => undefined);
    await current?.close();
  }

  async #open(): Promise<Connection> {
    const attempt = await connect(this.#request, this.#deadline, this.#closing.signal);
    if (attempt.kind === "connected") {
      attempt.connection.onDenied(this.#watcher);
      return attempt.connection;
    }
    const cause = attempt.kind === "failed" ? attempt.cause : undefined;
    const message = `no connection to publish over: ${attempt.kind}`;
    // By its class a publisher knows what is worth another attempt: not what the server refuses,
    // nor what was given up.
    if (attempt.kind === "aborted" || isAuthError(cause)) throw new Error(message, { cause });
    throw new ConnectionError(message, { cause });
  }
}
