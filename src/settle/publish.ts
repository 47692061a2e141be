// Publishing to JetStream from within a drain: with a PubAck, under an id that makes a retry a
// duplicate, within the budget.
import {
  ClosedConnectionError,
  ConnectionError,
  type Msg,
  type MsgHdrs,
  type Payload,
  TimeoutError,
} from "@nats-io/nats-core";
import type { Connection } from "../connection/connection.ts";
import {
  JetStreamError,
  NoJetStreamError,
  readAnswer,
  requestJetStream,
  UnreadableAnswerError,
} from "../connection/jetstream.ts";
import { type Deadline, now, timer } from "../deadline.ts";
import { copyHeaders, type HeaderMap } from "../message/headers.ts";
import { isPassingCode, isSizeCode, NotAPubAckError, PublishError, TooLargeError } from "./publish-error.ts";

/** What a published message has beside its subject and body. */
export interface PublishOptions {
  /**
   * The `Nats-Msg-Id`: the stream keeps one message of an id within its duplicate window.
   * @default a new one, the same for every retry
   */
  readonly id?: string;
  /** Its headers, beside the id. @default none */
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
 * Publishes a message to the stream that takes its subject, and resolves with the PubAck. Retried
 * with backoff, under the same id, until the drain's handling ends.
 *
 * @throws {PublishError} when no PubAck came in time, or the server will not take the message
 */
export type Publish = (subject: string, data: Payload, options?: PublishOptions) => Promise<Published>;

export interface PublishSettings extends PublishOptions {
  /**
   * Tries until the deadline also when no stream is there yet, or the stream cannot take it now.
   * @default false
   */
  readonly persist?: boolean;
}

/** What the stream answered, and where its API is. */
export interface PublishedIn extends Published {
  readonly domain: string | undefined;
  /** From 1. An attempt whose answer was lost may have been stored. */
  readonly attempts: number;
}

// How long one attempt waits for its PubAck: a stream's leader may be moving, and a lost attempt is repeated.
const ATTEMPT_MS = 2_000;
const FIRST_BACKOFF_MS = 50;
const MAX_BACKOFF_MS = 1_000;
// No stream takes the subject, most likely; a stream whose leader is moving answers so for a moment, too.
const MAX_UNHEARD = 5;
/** JetStream's own limit: it keeps the size of the headers in 16 bits. */
const MAX_HEADER_BYTES = 65_535;

/** Publishes for one drain, over the connection that `connect` gives. */
export class Publisher {
  readonly #connect: () => Promise<Connection>;

  /**
   * @param connect gives the connection to publish over, and a new one where the last has ended and
   * it can
   */
  constructor(connect: () => Promise<Connection>) {
    this.#connect = connect;
  }

  /** The connection that it publishes over. */
  async connection(): Promise<Connection> {
    return await this.#connect();
  }

  /** @throws {PublishError} */
  async publish(
    subject: string,
    data: Payload,
    settings: PublishSettings,
    deadline: Deadline,
  ): Promise<PublishedIn> {
    const { id = crypto.randomUUID(), persist = false } = settings;
    let unheard = 0;
    let mayBeStored = false;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return { ...(await this.#attempt(subject, data, id, settings, deadline)), attempts: attempt };
      } catch (error) {
        if (error instanceof NoJetStreamError) unheard += 1;
        mayBeStored ||= isUnanswered(error);
        const backoffMs = Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** (attempt - 1));
        const late = now() + backoffMs >= deadline;
        const hopeless = persist
          ? !isPassing(error) && !mayPass(error)
          : !isPassing(error) || unheard >= MAX_UNHEARD;
        if (late || hopeless) throw new PublishError(subject, attempt, error, mayBeStored);
        await timer(backoffMs / 2 + (Math.random() * backoffMs) / 2).fired;
      }
    }
  }

  async #attempt(
    subject: string,
    data: Payload,
    id: string,
    { headers: given }: PublishSettings,
    deadline: Deadline,
  ): Promise<Omit<PublishedIn, "attempts">> {
    const { nats } = await this.#connect();
    // One that can be opened again would be open: nothing is to be hoped for.
    if (nats.isClosed()) throw new Error("the connection has ended");
    const headers = copyHeaders(given);
    headers.set("Nats-Msg-Id", id);
    checkSize(headers, data, nats.info?.max_payload);
    const timeoutMs = Math.min(ATTEMPT_MS, deadline - now());
    return readPubAck(
      await requestPubAck(() =>
        requestJetStream(nats, subject, data, { headers, timeoutMs, accepts: isPubAck }),
      ),
    );
  }
}

/** @throws {TooLargeError} when the server, or any stream, would refuse it for its size */
function checkSize(headers: HeaderMap, data: Payload, maxPayload: number | undefined): void {
  const headerBytes = headers.encode().length;
  if (headerBytes > MAX_HEADER_BYTES) throw new TooLargeError("headers", headerBytes, MAX_HEADER_BYTES);
  const bytes =
    headerBytes + (typeof data === "string" ? new TextEncoder().encode(data).length : data.length);
  if (maxPayload !== undefined && bytes > maxPayload) throw new TooLargeError("message", bytes, maxPayload);
}

/** Anybody who hears the subject may have answered. */
async function requestPubAck<T>(request: () => Promise<T>): Promise<T> {
  try {
    return await request();
  } catch (error) {
    throw error instanceof UnreadableAnswerError ? new NotAPubAckError() : error;
  }
}

/** A PubAck, or a refusal. */
function isPubAck(msg: Msg): boolean {
  try {
    readPubAck(readAnswer(msg));
    return true;
  } catch (error) {
    return !(error instanceof UnreadableAnswerError || error instanceof NotAPubAckError);
  }
}

/** @throws {NotAPubAckError} */
function readPubAck(answer: Readonly<Record<string, unknown>>): Omit<PublishedIn, "attempts"> {
  const { stream, seq, duplicate, domain } = answer;
  const sequence = Number.isSafeInteger(seq) ? Number(seq) : -1;
  // A duplicate may have 0: nats-server 2.9, where a stream that keeps messages by interest had
  // none in this one.
  if (!isName(stream) || sequence < (duplicate === true ? 0 : 1)) throw new NotAPubAckError();
  return {
    stream,
    sequence,
    duplicate: duplicate === true,
    domain: isName(domain) ? domain : undefined,
  };
}

/** One token of a subject, as names of streams and domains are. */
function isName(value: unknown): value is string {
  return typeof value === "string" && /^[^\s.*>\p{Cc}]+$/u.test(value);
}

/** Whether another attempt may fare better: not after a refusal, by permission or by the stream itself. */
function isPassing(error: unknown): boolean {
  return [NoJetStreamError, TimeoutError, ClosedConnectionError, ConnectionError].some(
    (passing) => error instanceof passing,
  );
}

/** Whether the message went out, and no stream has said what became of it. */
function isUnanswered(error: unknown): boolean {
  return [TimeoutError, ClosedConnectionError, NotAPubAckError].some((unknown) => error instanceof unknown);
}

/** Whether an attempt much later may: a stream that is full now, an answer that came from somebody else. */
function mayPass(error: unknown): boolean {
  return error instanceof NotAPubAckError || (error instanceof JetStreamError && isPassingCode(error.code));
}

/** Whether the message was too large, for the server or for its stream: a smaller one may be taken. */
export function isTooLarge(error: unknown): boolean {
  if (!(error instanceof PublishError)) return false;
  const { cause } = error;
  return cause instanceof TooLargeError || (cause instanceof JetStreamError && isSizeCode(cause.code));
}
