// One dead letter back to its subject, with the answer of the stream that it came from.
import {
  type MsgHdrs,
  type NatsConnection,
  PermissionViolationError,
  TimeoutError,
} from "@nats-io/nats-core";
import type { Connection } from "../../connection/connection.ts";
import { JetStreamError, NoJetStreamError, requestJetStream } from "../../connection/jetstream.ts";
import { now } from "../../deadline.ts";
import { copyHeaders } from "../../message/headers.ts";
import { same } from "../../settle/duplicate.ts";
import { Publisher } from "../../settle/publish.ts";
import { NotAPubAckError, TooLargeError } from "../../settle/publish-error.ts";
import { staysAsItIs } from "../../settle/stored.ts";
import { type DeadLetter, ownHeaders } from "./dead-letter.ts";
import { readStored } from "./stream.ts";
import type { Targets } from "./targets.ts";

/**
 * `refused`: no stream takes it, or not the one it came from. `gone`: a stub whose message is not
 * there any more.
 */
export type Answer = "stored" | "duplicate" | "refused" | "gone";

const PUBLISH_MS = 10_000;

/** The names of two headers, a UUID, and line ends. */
const ROOM_FOR_ID = 128;

interface Content {
  readonly headers: MsgHdrs;
  readonly data: Uint8Array;
}

/**
 * Publishes dead letters of the stream `deadLetters`, and tells the reason of a refusal.
 *
 * @throws for what would befall the next one too: the connection has ended
 */
export function publisher(
  connection: Connection,
  deadLetters: string,
  targets: Targets,
  tell: (line: string) => void,
): (letter: DeadLetter) => Promise<Answer> {
  return async (letter) => {
    const { subject, stream } = letter;
    const refuse = (why: string): "refused" => {
      tell(`"${subject}" is not put back: ${why}`);
      return "refused";
    };
    try {
      const refusal = await targets.refusal(letter);
      if (refusal !== undefined) return refuse(refusal);
      const content =
        letter.stubOf === undefined ? letter : await original(connection.nats, letter, letter.stubOf);
      if (content !== undefined)
        return await publishOnce(connection, `${deadLetters}:${letter.sequence}`, letter, content);
    } catch (error) {
      const why = whyRefused(error);
      if (why === undefined || connection.ended !== undefined) throw error;
      return refuse(why);
    }
    tell(`message ${letter.sequence} is skipped: it is a stub, and what it is of is gone from "${stream}"`);
    return "gone";
  };
}

/**
 * What befell this letter alone; undefined for what would befall any other. Whoever wrote it named
 * the stream and the subject, and one that may not be published must not keep back those behind it.
 */
function whyRefused(error: unknown): string | undefined {
  const own = [JetStreamError, TooLargeError, PermissionViolationError, NotAPubAckError, TimeoutError];
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (cause instanceof NoJetStreamError) return "no stream takes it in";
  if (!own.some((kind) => cause instanceof kind)) return undefined;
  if (cause instanceof TimeoutError) return "nothing confirmed it in time";
  return cause instanceof Error ? cause.message : String(cause);
}

/**
 * The id is the same in every run: what one could not delete any more, the next finds to be a
 * duplicate. But whoever may write to the stream can have put junk there under it, so a duplicate
 * must be the same message; otherwise it goes out under an id that nobody can know. Two of a
 * message beat none.
 */
async function publishOnce(
  connection: Connection,
  name: string,
  { subject, stream }: DeadLetter,
  { headers, data }: Content,
): Promise<Answer> {
  const { nats } = connection;
  const publishing = new Publisher(async () => connection);
  const publish = async (id: string) => {
    const all = copyHeaders(headers);
    // Another stream may take the subject in today, even the one of the dead letters itself.
    all.set("Nats-Expected-Stream", stream);
    return await publishing.publish(subject, data, { id, headers: all }, now() + PUBLISH_MS);
  };
  const id = `sluice-redrive:${name}`;
  const size = data.length + encode(headers).length;
  const maxPayload = nats.info?.max_payload ?? Number.POSITIVE_INFINITY;
  if (size > maxPayload) throw new TooLargeError("message", size, maxPayload);
  if (size + ROOM_FOR_ID + id.length + stream.length > maxPayload) {
    await publishBare(nats, subject, stream, { headers, data });
    return "stored";
  }
  const ack = await publish(id);
  if (!ack.duplicate) return "stored";
  const stored = await readStored(nats, ack.stream, ack.sequence).catch(() => undefined);
  const isOurs = stored !== undefined && stored.subject === subject && same(stored.data, data);
  if (isOurs && staysAsItIs(stored) && same(encode(stored.headers), encode(headers))) return "duplicate";
  await publish(`${id}:${crypto.randomUUID()}`);
  return "stored";
}

/** What leaves no room for an id: a run that ends before it can delete the dead letter puts it back twice. */
async function publishBare(
  nats: NatsConnection,
  subject: string,
  stream: string,
  { headers, data }: Content,
): Promise<void> {
  const options = { timeoutMs: PUBLISH_MS };
  const withHeaders = headers.keys().length === 0 ? options : { ...options, headers: copyHeaders(headers) };
  const answer = await requestJetStream<{ stream?: unknown; seq?: unknown }>(
    nats,
    subject,
    data,
    withHeaders,
  );
  // Nothing could say which stream is expected. Where another took it, the dead letter stays.
  if (answer.stream !== stream || !Number.isSafeInteger(answer.seq)) throw new NotAPubAckError();
}

/** The message that a stub is of, where it still is. */
async function original(
  nats: NatsConnection,
  { stream, subject }: DeadLetter,
  sequence: number,
): Promise<Content | undefined> {
  const found = await readStored(nats, stream, sequence);
  if (found?.subject !== subject) return undefined;
  return { headers: ownHeaders(found.headers), data: found.data };
}

function encode(headers: MsgHdrs): Uint8Array {
  return copyHeaders(headers, (name) => !/^nats-/i.test(name)).encode();
}
