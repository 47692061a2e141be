// An open connection: what it says about itself, and its one way to be gone.
import type { NatsConnection, PermissionViolationError } from "@nats-io/nats-core";
import { breathe, type Deadline, waitUntil } from "../deadline.ts";
import type { Ending } from "../report/reasons.ts";
import { classifyConnectionLoss, deniedSubject, isAuthError } from "./failure.ts";
import type { Inbox } from "./inbox.ts";
import { unsubscription } from "./protocol.ts";
import type { DrainSocket } from "./socket.ts";
import { encode } from "./wire.ts";

const MAX_FIRST_DENIED = 16;

/** An open connection, what it says about itself, and its one way to be gone. */
export class Connection {
  readonly nats: NatsConnection;
  /** Resolves when the connection has ended, with why. Never rejects. */
  readonly lost: Promise<Ending>;
  readonly #socket: DrainSocket;
  readonly #denied = new Set<(denied: PermissionViolationError) => void>();
  /** The first denials, for who listens later: those of what went out with the sign-in are among them. */
  readonly #firstDenied: PermissionViolationError[] = [];
  /** The last error that the server sent before it ended the connection. */
  #serverError: Error | undefined;
  #shuttingDown = false;
  #ended: Ending | undefined;

  constructor(nats: NatsConnection, socket: DrainSocket) {
    this.nats = nats;
    this.#socket = socket;
    this.lost = this.#watchEnd();
    void this.#watch();
  }

  /** Why it has ended, once it has. */
  get ended(): Ending | undefined {
    return this.#ended;
  }

  /** Whether the server has announced its shutdown (lame duck mode). */
  get shuttingDown(): boolean {
    return this.#shuttingDown;
  }

  /**
   * Calls `listener` for each permission that the server says is missing, until the function
   * returned is called; at once for the first ones, where it has said so before.
   */
  onDenied(listener: (denied: PermissionViolationError) => void): () => void {
    this.#denied.add(listener);
    for (const denied of this.#firstDenied) listener(denied);
    return () => this.#denied.delete(listener);
  }

  /**
   * Sends PING and waits for PONG: everything published before has then reached the server, and
   * every error that the server answered to it has been seen by the listeners. False when it did
   * not come by `deadline` or the connection ended.
   */
  async flush(deadline: Deadline): Promise<boolean> {
    if (this.nats.isClosed()) return false;
    const pong = this.nats.flush().then(
      () => true,
      () => false,
    );
    const outcome = await waitUntil(Promise.race([pong, this.lost.then(() => false)]), deadline);
    if (!outcome.done || !outcome.value) return false;
    // A status travels through an async iterator, some promise reactions behind the PONG that came after it.
    await breathe();
    return true;
  }

  /**
   * Publishes with a reply subject: whether nats-core took it. It throws at a message beyond what the
   * server says that it takes, which may be less than nothing; to an ended connection it goes nowhere.
   */
  publish(subject: string, data: string, reply?: string): boolean {
    if (this.nats.isClosed()) return true;
    try {
      this.nats.publish(subject, data, reply === undefined ? {} : { reply });
      return true;
    } catch {
      return this.nats.isClosed();
    }
  }

  /**
   * Sends text of the NATS protocol, ahead of what nats-core has not sent yet. Of a connection that
   * has ended nothing is told.
   */
  write(protocol: string): void {
    this.#socket.send(encode(protocol));
  }

  /** Tells the server that nobody listens to `inbox`. What it has sent already comes. */
  unsubscribe(inbox: Inbox): void {
    this.write(unsubscription(inbox));
  }

  /** Moves on when the event loop has turned to bring a frame: see {@link DrainSocket.turns}. */
  get turns(): number {
    return this.#socket.turns;
  }

  /**
   * Ends the connection because of what the server did: `problem` is the end of a sentence about it, in
   * words that hold nothing of what it sent.
   */
  fail(problem: string): void {
    this.#socket.fail(problem);
  }

  /** Ends the connection at once. What was not flushed before is not waited for. */
  async close(): Promise<void> {
    // The library closes its socket some promise reactions later. One that went first it would take
    // for lost, and close twice.
    await this.nats.close().catch(() => {});
    this.#socket.close();
  }

  async #watchEnd(): Promise<Ending> {
    const error = await this.nats.closed();
    const cause = this.#serverError ?? this.#socket.failure ?? (error || undefined);
    this.#ended = classifyConnectionLoss(cause, this.#shuttingDown);
    return this.#ended;
  }

  async #watch(): Promise<void> {
    for await (const status of this.nats.status()) {
      if (status.type === "ldm") this.#shuttingDown = true;
      if (status.type !== "error") continue;
      if (isAuthError(status.error)) this.#serverError = status.error;
      const denied = deniedSubject(status);
      if (!denied) continue;
      if (this.#firstDenied.length < MAX_FIRST_DENIED) this.#firstDenied.push(denied);
      for (const listener of this.#denied) listener(denied);
    }
  }
}
