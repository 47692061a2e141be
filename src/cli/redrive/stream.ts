// The stream of dead letters: read in order without a consumer, message by message, and deleted from.
import {
  JetStreamApiError,
  type JetStreamManager,
  jetstreamManager,
  type StoredMsg,
} from "@nats-io/jetstream";
import type { MsgHdrs, NatsConnection } from "@nats-io/nats-core";
import { classifyApiError } from "../../connection/failure.ts";
import type { Stored } from "./dead-letter.ts";

const REQUEST_MS = 5_000;
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
  read(): AsyncGenerator<Stored>;
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
  const manager = await jetstreamManager(nats, { checkAPI: false, timeout: REQUEST_MS });
  const { config, state } = await asking(name, () => manager.streams.info(name));
  return {
    name,
    inboxPrefix,
    denyDelete: config.deny_delete,
    read: () => readMessages(manager, name, state.first_seq, state.last_seq),
    remove: async (sequence) => {
      await asking(name, async () => {
        await manager.streams.deleteMessage(name, sequence, false).catch((error: unknown) => {
          if (!(error instanceof JetStreamApiError && GONE.includes(error.code))) throw error;
        });
      });
    },
    count: async () => (await asking(name, () => manager.streams.info(name))).state.messages,
  };
}

async function* readMessages(
  manager: JetStreamManager,
  stream: string,
  first: number,
  last: number,
): AsyncGenerator<Stored> {
  for (let next = Math.max(1, first); next <= last; ) {
    // The next that there is, for deleted messages leave holes of any width. nats-server takes this
    // with every get since 2.9; the library's type has it for direct gets only.
    const query = { seq: next, next_by_subj: ">" };
    const message = await asking(stream, () => manager.streams.getMessage(stream, query));
    if (!message || message.seq > last) return;
    yield stored(message);
    next = message.seq + 1;
  }
}

/** A message of any stream by its sequence; undefined where it is not there any more. */
export async function readStored(
  nats: NatsConnection,
  stream: string,
  seq: number,
): Promise<Stored | undefined> {
  const manager = await jetstreamManager(nats, { checkAPI: false, timeout: REQUEST_MS });
  const message = await asking(stream, () => manager.streams.getMessage(stream, { seq }));
  return message === null ? undefined : stored(message);
}

function stored(message: StoredMsg): Stored {
  return { sequence: message.seq, subject: message.subject, headers: headersOf(message), data: message.data };
}

/**
 * The library reads them when they are asked for, and throws where its own clients could not have
 * written them.
 */
function headersOf(message: StoredMsg): MsgHdrs | undefined {
  try {
    return message.header;
  } catch {
    return undefined;
  }
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
  const known = error instanceof JetStreamApiError ? classifyApiError(error, stream, "") : undefined;
  if (known) return known.message;
  if (!(error instanceof Error)) return String(error);
  // The request that was denied has timed out, and its cause knows why.
  const { cause } = error;
  return cause instanceof Error ? `${error.message}: ${cause.message}` : error.message;
}
