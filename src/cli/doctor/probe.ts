// What doctor asks of the server, each question harmless: it takes no message, stores none and
// changes nothing.
import { headers, PermissionViolationError, TimeoutError } from "@nats-io/nats-core";
import type { Connection } from "../../connection/connection.ts";
import { classifyInfoError, classifyPermission } from "../../connection/failure.ts";
import { apiPrefix, JetStreamError, NoJetStreamError, requestJetStream } from "../../connection/jetstream.ts";
import { request } from "../../connection/request.ts";
import { now } from "../../deadline.ts";
import { readHeaders } from "../../message/headers.ts";
import { type Ending, ending } from "../../report/reasons.ts";
import type { DoctorSettings } from "./settings.ts";

/** How long an answer is waited for, in milliseconds. */
export const ASK_MS = 5_000;

/** A pull request that the server reads and refuses: proves the way there and back, and delivers nothing. */
export async function fetchNothing(
  { nats }: Connection,
  { stream, consumer, domain }: DoctorSettings,
): Promise<Ending | undefined> {
  const subject = `${apiPrefix(domain)}.CONSUMER.MSG.NEXT.${stream}.${consumer}`;
  try {
    const { code } = readHeaders(await request(nats, subject, '{"batch":', { timeoutMs: ASK_MS }));
    // 400 is what it should be; nobody answers where there is no such consumer.
    return code === 503
      ? ending("consumer-not-found", `Stream "${stream}", consumer "${consumer}".`)
      : undefined;
  } catch (error) {
    return explain(error, stream, consumer);
  }
}

/** Whether the user may ack: says in progress of a message that there is not. */
export async function tryAck(
  connection: Connection,
  { stream, consumer }: DoctorSettings,
): Promise<Ending | undefined> {
  let denied: Ending | undefined;
  const subject = `$JS.ACK.${stream}.${consumer}.1.0.0.0.0`;
  const forget = connection.onDenied((error) => {
    // Another question's denial may come as late as this.
    if (error.subject === subject) denied = ending("permission-denied", allowAcks(stream, consumer));
  });
  connection.publish(subject, "+WPI");
  await connection.flush(now() + ASK_MS);
  forget();
  return denied;
}

function allowAcks(stream: string, consumer: string): string {
  return `Allow the user to publish to "$JS.ACK.${stream}.${consumer}.>".`;
}

/**
 * Where a dead letter, or a record of the history, would go: the stream refuses this one, by what it
 * expects, and so tells that it is there.
 */
export async function tryPublish(
  { nats }: Connection,
  subject: string,
): Promise<"taken" | "uncaptured" | Ending> {
  const impossible = headers();
  impossible.set("Nats-Expected-Last-Sequence", String(Number.MAX_SAFE_INTEGER));
  try {
    await requestJetStream(nats, subject, "", { headers: impossible, timeoutMs: ASK_MS });
    return "taken";
  } catch (error) {
    if (error instanceof JetStreamError) return "taken";
    if (error instanceof NoJetStreamError) return "uncaptured";
    return explain(error, "", "");
  }
}

/** What an error of a question says of a drain. */
export function explain(error: unknown, stream: string, consumer: string): Ending {
  if (error instanceof PermissionViolationError) {
    const { operation, subject } = error;
    // The inbox's own name is another in each run.
    const inbox = subject.replace(/[^.]+$/, ">");
    return operation === "subscription"
      ? ending("permission-denied", `Allow the user to subscribe to "${inbox}".`)
      : classifyPermission(error);
  }
  if (error instanceof TimeoutError)
    return ending("jetstream-unavailable", `It did not answer within ${ASK_MS / 1_000} s.`);
  const told = error instanceof Error ? error.message : String(error);
  return classifyInfoError(error, stream, consumer) ?? ending("connection-lost", told);
}
