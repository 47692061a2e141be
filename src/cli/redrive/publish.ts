// One dead letter back to its subject, with the answer of the stream that it came from.
import { JetStreamApiError, type JetStreamClient, jetstream, jetstreamManager } from "@nats-io/jetstream";
import type { MsgHdrs, NatsConnection } from "@nats-io/nats-core";
import { copyHeaders } from "../../message/headers.ts";
import { takesIn } from "../../report/preflight-facts.ts";
import { type DeadLetter, ownHeaders } from "./dead-letter.ts";
import { readStored } from "./stream.ts";

/**
 * `refused`: no stream takes it, or not the one it came from. `gone`: a stub whose message is not
 * there any more.
 */
export type Answer = "stored" | "duplicate" | "refused" | "gone";

const PUBLISH_MS = 10_000;

/** The names of two headers, a UUID, and line ends. */
const ROOM_FOR_ID = 128;

class TooLargeError extends Error {
  override readonly name = "TooLargeError";
}

interface Content {
  readonly headers: MsgHdrs;
  readonly data: Uint8Array;
}

/**
 * Publishes dead letters of the stream `deadLetters`, and tells the reason of a refusal.
 *
 * @throws for what would befall the next one too: the connection, a permission, a server that does not answer
 */
export function publisher(
  nats: NatsConnection,
  deadLetters: string,
  tell: (line: string) => void,
): (letter: DeadLetter) => Promise<Answer> {
  const client = jetstream(nats, { timeout: PUBLISH_MS });
  const subjectsOf = streamSubjects(nats);
  return async (letter) => {
    const { subject, stream } = letter;
    const refuse = (why: string): "refused" => {
      tell(`"${subject}" is not put back: ${why}`);
      return "refused";
    };
    const subjects = await subjectsOf(stream);
    if (subjects === undefined) return refuse(`there is no stream "${stream}", where it came from`);
    if (!subjects.some((each) => takesIn(each, subject)))
      return refuse(`the stream "${stream}", where it came from, does not take that subject in`);
    const content = letter.stubOf === undefined ? letter : await original(nats, letter, letter.stubOf);
    if (content === undefined) {
      tell(`message ${letter.sequence} is skipped: it is a stub, and what it is of is gone from "${stream}"`);
      return "gone";
    }
    try {
      return await publishOnce(nats, client, `${deadLetters}:${letter.sequence}`, letter, content);
    } catch (error) {
      // The stream's own answer, or that there is none.
      if (error instanceof JetStreamApiError || error instanceof TooLargeError) return refuse(error.message);
      if (error instanceof Error && error.name === "JetStreamNotEnabled")
        return refuse("no stream takes it in");
      throw error;
    }
  };
}

/**
 * The id is the same in every run: what one could not delete any more, the next finds to be a
 * duplicate. But whoever may write to the stream can have put junk there under it, so a duplicate
 * must be the same message; otherwise it goes out under an id that nobody can know. Two of a
 * message beat none.
 */
async function publishOnce(
  nats: NatsConnection,
  client: JetStreamClient,
  name: string,
  { subject, stream }: DeadLetter,
  { headers, data }: Content,
): Promise<Answer> {
  const publish = (msgID: string) => {
    // Another stream may take the subject in today, even the one of the dead letters itself.
    return client.publish(subject, data, {
      msgID,
      headers: copyHeaders(headers),
      expect: { streamName: stream },
    });
  };
  const id = `sluice-redrive:${name}`;
  const size = data.length + encode(headers).length;
  const maxPayload = nats.info?.max_payload ?? Number.POSITIVE_INFINITY;
  if (size > maxPayload)
    throw new TooLargeError(`${size} bytes are more than the server takes: ${maxPayload}`);
  if (size + ROOM_FOR_ID + id.length + stream.length > maxPayload) {
    // It leaves no room for an id: a run that ends before it can delete the dead letter puts it back twice.
    await client.publish(subject, data, headers.keys().length === 0 ? {} : { headers: copyHeaders(headers) });
    return "stored";
  }
  const ack = await publish(id);
  if (!ack.duplicate) return "stored";
  const stored = await readStored(nats, ack.stream, ack.seq).catch(() => undefined);
  const isOurs = stored?.headers !== undefined && stored.subject === subject && same(stored.data, data);
  if (isOurs && same(encode(stored.headers), encode(headers))) return "duplicate";
  await publish(`${id}:${crypto.randomUUID()}`);
  return "stored";
}

/** The message that a stub is of, where it still is. */
async function original(
  nats: NatsConnection,
  { stream, subject }: DeadLetter,
  sequence: number,
): Promise<Content | undefined> {
  const found = await readStored(nats, stream, sequence);
  if (found?.headers === undefined || found.subject !== subject) return undefined;
  return { headers: ownHeaders(found.headers), data: found.data };
}

/** A stream's subjects, asked once; undefined where there is no such stream. */
function streamSubjects(nats: NatsConnection): (stream: string) => Promise<readonly string[] | undefined> {
  const known = new Map<string, readonly string[] | undefined>();
  return async (stream) => {
    if (known.has(stream)) return known.get(stream);
    const manager = await jetstreamManager(nats, { checkAPI: false });
    const subjects = await manager.streams.info(stream).then(
      ({ config }) => config.subjects ?? [],
      (error: unknown) => {
        if (error instanceof JetStreamApiError) return undefined;
        throw error;
      },
    );
    known.set(stream, subjects);
    return subjects;
  };
}

function encode(headers: MsgHdrs): Uint8Array {
  return copyHeaders(headers, (name) => !/^nats-/i.test(name)).encode();
}

function same(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}
