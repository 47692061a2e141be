// An open connection: what it says about itself, and its one way to be gone.
import type { NatsConnection, Status } from "@nats-io/nats-core";
import { type Deadline, nextTurn, waitUntil } from "../deadline.ts";
import { isAuthError } from "./failure.ts";
import type { DrainSocket } from "./socket.ts";

const ENCODER = new TextEncoder();

/** An open connection, what it says about itself, and its one way to be gone. */
export class Connection {
  readonly nats: NatsConnection;
  readonly #sockets: readonly DrainSocket[];
  readonly #watchers = new Set<(status: Status) => void>();
  /** The server's last word before it hung up, as that the credentials have expired. */
  #serverError: Error | undefined;

  constructor(nats: NatsConnection, sockets: readonly DrainSocket[]) {
    this.nats = nats;
    this.#sockets = sockets;
    void this.#watch();
  }

  /** Calls `watcher` for each status of the connection: errors of the server, lame duck mode, its end. */
  watch(watcher: (status: Status) => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** Resolves when the connection has ended, with the error that ended it if there was one. Never rejects. */
  async lost(): Promise<Error | undefined> {
    const error = await this.nats.closed();
    return this.#serverError ?? this.#sockets.at(-1)?.failure ?? (error || undefined);
  }

  /**
   * Sends PING and waits for PONG: everything published before has then reached the server, and every error that the
   * server answered to it has been seen by the watchers. False when it did not come by `deadline` or the connection ended.
   */
  async flush(deadline: Deadline): Promise<boolean> {
    if (this.nats.isClosed()) return false;
    const pong = this.nats.flush().then(
      () => true,
      () => false,
    );
    const outcome = await waitUntil(pong, deadline);
    if (!outcome.done || !outcome.value) return false;
    // A status travels through an async iterator, some promise reactions behind the PONG that came after it.
    await nextTurn();
    return true;
  }

  /** Sends text of the NATS protocol, ahead of what nats-core has not sent yet. Of a connection that has ended nothing is told. */
  write(protocol: string): void {
    this.#sockets.at(-1)?.send(ENCODER.encode(protocol) as Uint8Array<ArrayBuffer>); // as the Encoding standard has it
  }

  /** Whether the opening that was given to `connect()` went out with the sign-in. */
  get openingWasSent(): boolean {
    return this.#sockets.at(-1)?.openingWasSent ?? false;
  }

  /** Lets come what the server sent behind the sign-in. To be called once who wants it has subscribed. */
  release(): void {
    this.#sockets.at(-1)?.release();
  }

  /** Ends the connection at once. What was not flushed before is not waited for. */
  async close(): Promise<void> {
    // The library closes its socket some promise reactions later. One that went first it would take for lost, and close twice.
    await withoutStackTraces(() => this.nats.close()).catch(() => {});
    for (const socket of this.#sockets) socket.close();
  }

  async #watch(): Promise<void> {
    for await (const status of this.nats.status()) {
      if (status.type === "error" && isAuthError(status.error)) this.#serverError = status.error;
      for (const watcher of this.#watchers) watcher(status);
    }
  }
}

/** The library's close() takes stack traces that nobody reads, which is a twentieth of an empty drain's CPU time. */
function withoutStackTraces<T>(action: () => T): T {
  const { stackTraceLimit } = Error;
  // Not by assignment, which throws where the intrinsics are frozen.
  Reflect.set(Error, "stackTraceLimit", 0);
  try {
    return action();
  } finally {
    Reflect.set(Error, "stackTraceLimit", stackTraceLimit);
  }
}
