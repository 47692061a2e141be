// The names that there are around a consumer that is not found. A drain's user may mostly not ask for them;
// what is not allowed, or not answered, is not known.
import type { NatsConnection } from "@nats-io/nats-core";
import { oneLine } from "../checks.ts";
import { apiPrefix, requestJetStream } from "../connection/jetstream.ts";
import type { ConsumerKey } from "./consumer-state.ts";

/** Optional questions are waited for no longer. */
const ASK_MS = 2_000;
/** An account of a JWT is its key, of 56 characters. */
const MAX_NAME_LENGTH = 64;

/** The consumers of the stream, as far as one answer has them. */
export async function consumerNames(
  nats: NatsConnection,
  { stream, domain }: Pick<ConsumerKey, "stream" | "domain">,
): Promise<readonly string[] | undefined> {
  const answer = await askOptional(nats, domain, `CONSUMER.NAMES.${stream}`);
  return answer && textsOf(answer.consumers);
}

/** The streams of the account, or those that take in a subject, as far as one answer has them. */
export async function streamNames(
  nats: NatsConnection,
  { domain }: Pick<ConsumerKey, "domain">,
  subject?: string,
): Promise<readonly string[] | undefined> {
  const question = subject === undefined ? "" : JSON.stringify({ subject });
  const answer = await askOptional(nats, domain, "STREAM.NAMES", question);
  return answer && textsOf(answer.streams);
}

/** The account that the credentials are of. */
export async function accountName(nats: NatsConnection): Promise<string | undefined> {
  const options = { timeoutMs: ASK_MS };
  const answer = await requestJetStream<Told>(nats, "$SYS.REQ.USER.INFO", "", options).catch(() => undefined);
  const { account }: Told = { ...(answer?.data as object | undefined) };
  return typeof account === "string" ? oneLine(account, MAX_NAME_LENGTH) : undefined;
}

/** Of an answer that may be anybody's. */
type Told = Readonly<Record<string, unknown>>;

export function textsOf(list: unknown): readonly string[] {
  return Array.isArray(list) ? list.filter((each) => typeof each === "string") : [];
}

/** Undefined where there is no answer, or a refusal. */
export async function askOptional(
  nats: NatsConnection,
  domain: string | undefined,
  question: string,
  data = "",
): Promise<Told | undefined> {
  try {
    return await requestJetStream<Told>(nats, `${apiPrefix(domain)}.${question}`, data, {
      timeoutMs: ASK_MS,
    });
  } catch {
    return undefined;
  }
}
