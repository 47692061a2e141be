// A message of a stream by its sequence: JetStream's STREAM.MSG.GET.
import type { NatsConnection } from "@nats-io/nats-core";
import { apiPrefix, requestJetStream } from "../connection/jetstream.ts";
import { bytesOf } from "../message/header-block.ts";
import { HeaderMap } from "../message/headers.ts";
import type { PublishedIn } from "./publish.ts";

export interface StoredMessage {
  readonly headers: HeaderMap;
  readonly data: Uint8Array;
}

/** @throws what `requestJetStream` throws, and a TypeError when the answer is none */
export async function readStored(
  nats: NatsConnection,
  { stream, sequence, domain }: Pick<PublishedIn, "stream" | "sequence" | "domain">,
  timeoutMs: number,
): Promise<StoredMessage> {
  const subject = `${apiPrefix(domain)}.STREAM.MSG.GET.${stream}`;
  const request = JSON.stringify({ seq: sequence });
  const { message } = await requestJetStream<Answer>(nats, subject, request, { timeoutMs });
  return { headers: new HeaderMap(fromBase64(message.hdrs)), data: fromBase64(message.data) };
}

interface Answer {
  /** Base64; left out where there is nothing. */
  readonly message: { readonly hdrs?: string; readonly data?: string };
}

function fromBase64(text = ""): Uint8Array {
  return bytesOf(atob(text));
}
