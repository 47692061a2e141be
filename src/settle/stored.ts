// A message of a stream by its sequence, or the next behind it: JetStream's STREAM.MSG.GET.
import type { NatsConnection } from "@nats-io/nats-core";
import { apiPrefix, requestJetStream } from "../connection/jetstream.ts";
import { bytesOf } from "../message/header-block.ts";
import { HeaderMap } from "../message/headers.ts";
import type { PublishedIn } from "./publish.ts";

export interface StoredMessage {
  readonly sequence: number;
  readonly subject: string;
  readonly headers: HeaderMap;
  readonly data: Uint8Array;
}

/** Which stream, and where its API is. */
export type StreamPlace = Pick<PublishedIn, "stream" | "domain">;

/** With `next_by_subj`, the first from that sequence on. nats-server takes it with every get since 2.9. */
export interface StoredQuery {
  readonly seq: number;
  readonly next_by_subj?: string;
}

/** @throws what `requestJetStream` throws, and a TypeError when the answer is none */
export async function getStored(
  nats: NatsConnection,
  { stream, domain }: StreamPlace,
  query: StoredQuery,
  timeoutMs: number,
): Promise<StoredMessage> {
  const subject = `${apiPrefix(domain)}.STREAM.MSG.GET.${stream}`;
  const { message } = await requestJetStream<Answer>(nats, subject, JSON.stringify(query), { timeoutMs });
  return {
    sequence: message.seq,
    subject: message.subject,
    headers: new HeaderMap(fromBase64(message.hdrs)),
    data: fromBase64(message.data),
  };
}

/** @throws what {@link getStored} throws */
export async function readStored(
  nats: NatsConnection,
  { sequence, ...place }: StreamPlace & Pick<PublishedIn, "sequence">,
  timeoutMs: number,
): Promise<StoredMessage> {
  return await getStored(nats, place, { seq: sequence }, timeoutMs);
}

/**
 * Whether a stored message has none of the server's headers that change what becomes of it, as a
 * TTL does: whoever copied a message in may have given it one.
 */
export function staysAsItIs({ headers }: StoredMessage): boolean {
  return headers.keys().every((name) => !/^nats-/i.test(name) || HARMLESS.includes(name.toLowerCase()));
}

const HARMLESS = ["nats-msg-id", "nats-expected-stream", "nats-stream-source"];

interface Answer {
  /** Base64; left out where there is nothing. */
  readonly message: {
    readonly seq: number;
    readonly subject: string;
    readonly hdrs?: string;
    readonly data?: string;
  };
}

function fromBase64(text = ""): Uint8Array {
  return bytesOf(atob(text));
}
