// Publishing to JetStream from within a drain: with a PubAck, under an id that makes a retry a duplicate, within the budget.
import {
  ClosedConnectionError,
  ConnectionError,
  type MsgHdrs,
  headers as makeHeaders,
  nuid,
  type Payload,
  PermissionViolationError,
  RequestError,
  TimeoutError,
} from "@nats-io/nats-core";
import type { Connection } from "../connection/connection.ts";
import { NoJetStreamError, requestJetStream } from "../connection/jetstream.ts";
import { type Deadline, timer } from "../deadline.ts";

export interface PublishOptions {
  /** The `Nats-Msg-Id`: the stream keeps one message of an id within its duplicate window. @default a new one, the same for every retry */
  readonly id?: string;
  readonly headers?: MsgHdrs | Readonly<Record<string, string>>;
}

/** What the stream answered. */
export interface Published {
  readonly stream: string;
  readonly sequence: number;
  /** The stream had a message of this id already. */
  readonly duplicate: boolean;
}

/**
 * Publishes a message to the stream that takes its subject, and resolves with the PubAck. Retried with backoff, under the same
 * id, until the drain's handling ends.
 *
 * @throws {PublishError} when no PubAck came in time, or the server will not take the message
 */
export type Publish = (subject: string, data: Payload, options?: PublishOptions) => Promise<Published>;

/** A message was not confirmed by a stream. `cause` is the last attempt's error. */
export class PublishError extends Error {
  readonly code = "SLUICE_PUBLISH";
  readonly subject: string;
  constructor(subject: string, attempts: number, cause: unknown) {
    const why = cause instanceof Error ? cause.message : String(cause);
    super(`no stream confirmed a message to "${subject}" in ${attempts} attempts: ${why}`, { cause });
    this.name = "PublishError";
    this.subject = subject;
  }
}

// How long one attempt waits for its PubAck: a stream's leader may be moving, and an attempt that is lost is repeated.
const ATTEMPT_MS = 2_000;
const FIRST_BACKOFF_MS = 50;
const LONGEST_BACKOFF_MS = 1_000;
// No stream takes the subject, most likely; a stream whose leader is moving answers so for a moment, too.
const MOST_UNHEARD = 3;

/** Publishes for one drain, over the connection that `connect` gives. */
export class Publisher {
  readonly #connect: () => Promise<Connection>;

  /** @param connect gives the connection to publish over, and a new one where the last has ended and it can */
  constructor(connect: () => Promise<Connection>) {
    this.#connect = connect;
  }

  /** @throws {PublishError} */
  async publish(
    subject: string,
    data: Payload,
    options: PublishOptions,
    deadline: Deadline,
  ): Promise<Published> {
    const id = options.id ?? nuid.next();
    let unheard = 0;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#attempt(subject, data, id, options, deadline);
      } catch (error) {
        if (error instanceof NoJetStreamError) unheard += 1;
        const backoffMs = Math.min(LONGEST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** (attempt - 1));
        const late = Date.now() + backoffMs >= deadline;
        if (late || unheard >= MOST_UNHEARD || !isPassing(error))
          throw new PublishError(subject, attempt, error);
        await timer(backoffMs / 2 + (Math.random() * backoffMs) / 2).fired;
      }
    }
  }

  async #attempt(
    subject: string,
    data: Payload,
    id: string,
    { headers: given }: PublishOptions,
    deadline: Deadline,
  ): Promise<Published> {
    const { nats } = await this.#connect();
    const headers = copyHeaders(given);
    headers.set("Nats-Msg-Id", id);
    const timeoutMs = Math.min(ATTEMPT_MS, deadline - Date.now());
    const ack = await requestJetStream<PubAck>(nats, subject, data, { headers, timeoutMs });
    if (!ack.stream) throw new Error("the answer is not a PubAck");
    return { stream: ack.stream, sequence: ack.seq, duplicate: ack.duplicate === true };
  }
}

interface PubAck {
  readonly stream: string;
  readonly seq: number;
  readonly duplicate?: boolean;
}

/** A copy, because the id is written into it. */
function copyHeaders(headers: PublishOptions["headers"] = {}): MsgHdrs {
  const copy = makeHeaders();
  for (const [key, value] of Symbol.iterator in headers ? headers : Object.entries(headers)) {
    for (const each of typeof value === "string" ? [value] : value) copy.append(key, each);
  }
  return copy;
}

/** Whether another attempt may fare better: not after a refusal, by permission or by the stream itself. */
function isPassing(error: unknown): boolean {
  if (!(error instanceof Error) || error.cause instanceof PermissionViolationError) return false;
  return [NoJetStreamError, TimeoutError, RequestError, ClosedConnectionError, ConnectionError].some(
    (passing) => error instanceof passing,
  );
}
