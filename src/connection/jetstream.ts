// A request to JetStream, and its answer or its error (ADR-1): all that a drain needs beside its
// own pull. @nats-io/jetstream would do it too, but is CommonJS, of which no bundler can take a
// part: 19 KiB of every Worker, gzipped, and a quarter of its start-up.
import type { NatsConnection, Payload } from "@nats-io/nats-core";
import { oneLine } from "../checks.ts";
import { readHeaders } from "../message/headers.ts";
import type { RawMessage } from "../message/received.ts";
import { decodeLossy } from "../message/utf8.ts";
import { type RequestOptions, request } from "./request.ts";

/** What JetStream refused. `code` is its own number for it (nats-server's errors.json). */
export class JetStreamError extends Error {
  readonly code: number;
  constructor({ err_code: code, description }: ApiError) {
    super(oneLine(String(description), MAX_DESCRIPTION_LENGTH));
    this.name = "JetStreamError";
    this.code = Number.isSafeInteger(code) ? Number(code) : 0;
  }
}

/** Nothing answers for JetStream on that subject. */
export class NoJetStreamError extends Error {
  constructor(cause?: unknown) {
    super("nothing answers for JetStream", { cause });
    this.name = "NoJetStreamError";
  }
}

/** Something answered, and not as JetStream does. Its text may be anybody's, and is not quoted. */
export class UnreadableAnswerError extends Error {
  constructor() {
    super("the answer is not one of JetStream's");
    this.name = "UnreadableAnswerError";
  }
}

interface ApiError {
  readonly err_code?: unknown;
  readonly description?: unknown;
}

const MAX_DESCRIPTION_LENGTH = 500;

/**
 * Sends a request to JetStream's API, or a message to a stream, and resolves with the answer.
 * `Answer` is what the caller claims: nothing checks it.
 *
 * @throws {JetStreamError} when that is a refusal
 * @throws {NoJetStreamError} when there are no responders
 * @throws {UnreadableAnswerError} when it is no JSON object
 * @throws what {@link request} throws
 */
export async function requestJetStream<Answer>(
  nats: NatsConnection,
  subject: string,
  data: Payload,
  options: RequestOptions,
): Promise<Answer> {
  return readAnswer(await request(nats, subject, data, { accepts: isAnswer, ...options }));
}

/**
 * What JetStream answered. `Answer` is what the caller claims: nothing checks it.
 *
 * @throws {JetStreamError} when that is a refusal
 * @throws {NoJetStreamError} when it is the server's status that there are no responders
 * @throws {UnreadableAnswerError} when it is no JSON object
 */
export function readAnswer<Answer>(msg: RawMessage): Answer {
  if (readHeaders(msg).code === 503) throw new NoJetStreamError();
  const { error, ...value } = readObject(msg);
  if (typeof error === "object" && error !== null) throw new JetStreamError(error);
  return value as Answer;
}

function isAnswer(msg: RawMessage): boolean {
  try {
    readAnswer(msg);
    return true;
  } catch (error) {
    return !(error instanceof UnreadableAnswerError);
  }
}

function readObject(msg: RawMessage): Record<string, unknown> {
  try {
    const answer: unknown = JSON.parse(decodeLossy(msg.data));
    if (typeof answer === "object" && answer !== null) return { ...answer };
  } catch {
    // JSON.parse quotes what it cannot read.
  }
  throw new UnreadableAnswerError();
}

/** Prefix of the API's subjects. */
export function apiPrefix(domain: string | undefined): string {
  return domain === undefined ? "$JS.API" : `$JS.${domain}.API`;
}

/**
 * Whether the server, which denies one subject, means another. It names what it maps a domain's API
 * to, `$JS.API.…`, where the domain is its own.
 */
export function isDenied(denied: string, asked: string): boolean {
  return denied === asked || denied === asked.replace(DOMAIN_API, "$JS.API.");
}

const DOMAIN_API = /^\$JS\.[^.]+\.API\./;
