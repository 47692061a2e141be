// A request to JetStream, and its answer or its error (ADR-1): all that a drain needs beside its
// own pull. @nats-io/jetstream would do it too, but is CommonJS, of which no bundler can take a
// part: 19 KiB of every Worker, gzipped, and a quarter of its start-up.
import type { Msg, NatsConnection, Payload } from "@nats-io/nats-core";
import { readHeaders } from "../message/headers.ts";
import { type RequestOptions, request } from "./request.ts";

/** What JetStream refused. `code` is its own number for it (nats-server's errors.json). */
export class JetStreamError extends Error {
  readonly code: number;
  constructor({ err_code: code, description }: ApiError) {
    super(description);
    this.name = "JetStreamError";
    this.code = code;
  }
}

/** Nothing answers for JetStream on that subject. */
export class NoJetStreamError extends Error {
  constructor(cause?: unknown) {
    super("nothing answers for JetStream", { cause });
    this.name = "NoJetStreamError";
  }
}

interface ApiError {
  readonly err_code: number;
  readonly description: string;
}

/**
 * Sends a request to JetStream's API, or a message to a stream, and resolves with the answer;
 * `Answer` is the caller's word.
 *
 * @throws {JetStreamError} when that is a refusal
 * @throws {NoJetStreamError} when there are no responders
 * @throws what {@link request} throws
 */
export async function requestJetStream<Answer>(
  nats: NatsConnection,
  subject: string,
  data: Payload,
  options: RequestOptions,
): Promise<Answer> {
  return readAnswer(await request(nats, subject, data, options));
}

/**
 * What JetStream answered; `Answer` is the caller's word.
 *
 * @throws {JetStreamError} when that is a refusal
 * @throws {NoJetStreamError} when it is the server's status that there are no responders
 */
export function readAnswer<Answer>(msg: Msg): Answer {
  if (readHeaders(msg).code === 503) throw new NoJetStreamError();
  const { error, ...value } = msg.json<Answer & { error?: ApiError }>();
  if (error) throw new JetStreamError(error);
  return value as Answer;
}

/** Prefix of the API's subjects. */
export function apiPrefix(domain: string | undefined): string {
  return domain === undefined ? "$JS.API" : `$JS.${domain}.API`;
}
