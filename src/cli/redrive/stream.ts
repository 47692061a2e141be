// The stream of dead letters: read in order without a consumer, message by message, and deleted from.
import type { NatsConnection } from "@nats-io/nats-core";
import { classifyApiError } from "../../connection/failure.ts";
import { apiPrefix, JetStreamError, requestJetStream } from "../../connection/jetstream.ts";
import { getStored, type StoredMessage, type StoredQuery } from "../../settle/stored.ts";

const REQUEST_MS = 5_000;
/** nats-server's "no message found". */
const NONE = 10_037;
// "sequence … not found", and the older "stream message delete failed".
const GONE = [10_043, 10_057];

/** A stream, as far as dead letters need it. */
export interface DeadLetterStream {
  readonly name: string;
  readonly denyDelete: boolean;
  /** Of this user's reply subjects. */
  readonly inboxPrefix: string | undefined;
  /**
   * Its messages up to the last that it had when it was opened, in order: one that becomes a dead
   * letter again because of this very run must not go round for ever.
   */
  read(): AsyncGenerator<StoredMessage>;
  /** Deletes a message; one that is gone already is none to complain about. */
  remove(sequence: number): Promise<void>;
  /** Messages in it now. */
  count(): Promise<number>;
}

/** @throws {Error} in one line: there is no such stream, or it cannot be asked */
export async function openStream(
  nats: NatsConnection,
  name: string,
  inboxPrefix: string | undefined,
): Promise<DeadLetterStream> {
  const { config, state } = await asking(name, () => askStream(nats, name));
  return {
    name,
    inboxPrefix,
    denyDelete: config?.deny_delete === true,
    read: () => readMessages(nats, name, state.first_seq, state.last_seq),
    remove: async (sequence) => {
      await asking(name, async () => {
        await askApi(nats, `STREAM.MSG.DELETE.${name}`, { seq: sequence, no_erase: true }).catch(
          (error: unknown) => {
            if (!(error instanceof JetStreamError && GONE.includes(error.code))) throw error;
          },
        );
      });
    },
    count: async () => (await asking(name, () => askStream(nats, name))).state.messages,
  };
}

async function* readMessages(
  nats: NatsConnection,
  stream: string,
  first: number,
  last: number,
): AsyncGenerator<StoredMessage> {
  for (let next = Math.max(1, first); next <= last; ) {
    // The next that there is, for deleted messages leave holes of any width.
    const message = await read(nats, stream, { seq: next, next_by_subj: ">" });
    // An answer that goes back would be read for ever.
    if (!message || !(message.sequence >= next && message.sequence <= last)) return;
    yield message;
    next = message.sequence + 1;
  }
}

/** A message of any stream by its sequence; undefined where it is not there any more. */
export async function readStored(
  nats: NatsConnection,
  stream: string,
  seq: number,
): Promise<StoredMessage | undefined> {
  return await read(nats, stream, { seq });
}

async function read(
  nats: NatsConnection,
  stream: string,
  query: StoredQuery,
): Promise<StoredMessage | undefined> {
  return await asking(stream, async () => {
    try {
      return await getStored(nats, { stream, domain: undefined }, query, REQUEST_MS);
    } catch (error) {
      if (error instanceof JetStreamError && error.code === NONE) return undefined;
      throw error;
    }
  });
}

/** A stream's subjects; undefined where there is no such stream. */
export async function readSubjects(
  nats: NatsConnection,
  stream: string,
): Promise<readonly string[] | undefined> {
  try {
    const { subjects } = (await askStream(nats, stream)).config ?? {};
    return Array.isArray(subjects) ? subjects.map(String) : [];
  } catch (error) {
    if (error instanceof JetStreamError) return undefined;
    throw error;
  }
}

/** The part of the server's answer that is read. */
interface StreamInfo {
  readonly config?: { readonly subjects?: unknown; readonly deny_delete?: unknown };
  readonly state: { readonly first_seq: number; readonly last_seq: number; readonly messages: number };
}

async function askStream(nats: NatsConnection, stream: string): Promise<StreamInfo> {
  return await askApi<StreamInfo>(nats, `STREAM.INFO.${stream}`, {});
}

async function askApi<Answer>(nats: NatsConnection, method: string, question: object): Promise<Answer> {
  const subject = `${apiPrefix(undefined)}.${method}`;
  return await requestJetStream<Answer>(nats, subject, JSON.stringify(question), { timeoutMs: REQUEST_MS });
}

/** @throws {Error} in the words of an operator */
async function asking<T>(stream: string, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (cause) {
    throw new Error(`stream "${stream}": ${explain(cause, stream)}`, { cause });
  }
}

function explain(error: unknown, stream: string): string {
  const known = error instanceof JetStreamError ? classifyApiError(error, stream, "") : undefined;
  if (known) return known.message;
  return error instanceof Error ? error.message : String(error);
}
