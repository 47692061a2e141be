// A connection opened at first use, and again where it was lost: for publishing beside the drain's own.
import type { Status } from "@nats-io/nats-core";
import type { Deadline } from "../deadline.ts";
import { type Connection, type ConnectRequest, connect } from "./connection.ts";

export class LazyConnection {
  readonly #request: ConnectRequest;
  readonly #deadline: Deadline;
  readonly #watcher: (status: Status) => void;
  readonly #closing = new AbortController();
  #opening: Promise<Connection> | undefined;

  /** @param watcher is told each status of every connection that is opened */
  constructor(request: ConnectRequest, deadline: Deadline, watcher: (status: Status) => void) {
    this.#request = request;
    this.#deadline = deadline;
    this.#watcher = watcher;
  }

  /** The connection; rejects when it cannot be opened before the deadline, or was closed. */
  async get(): Promise<Connection> {
    const current = await this.#opening?.catch(() => undefined);
    if (current && !current.nats.isClosed()) return current;
    this.#opening = this.#open();
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
      attempt.connection.watch(this.#watcher);
      return attempt.connection;
    }
    const error = new Error(`no connection to publish over: ${attempt.kind}`, {
      cause: attempt.kind === "failed" ? attempt.cause : undefined,
    });
    // Worth another attempt, as far as the publisher is concerned.
    error.name = "ConnectionError";
    throw error;
  }
}
