// A dead letter as it stands in its stream: where it came from, and the message that it was. Pure.
// Whoever may write to that stream can forge one, and what it says acts with the operator's rights: so
// it is not trusted.
import type { MsgHdrs } from "@nats-io/nats-core";
import { copyHeaders } from "../../message/headers.ts";
import { takesIn } from "../../report/subject.ts";
import { fitsALine } from "../../settle/dead-letter.ts";
import type { StoredMessage } from "../../settle/stored.ts";

/** A message that a drain gave up. */
export interface DeadLetter {
  /** Its own sequence, in the stream of dead letters. */
  readonly sequence: number;
  /** Where it came from. */
  readonly subject: string;
  /** The stream that it came from. */
  readonly stream: string;
  readonly consumer: string;
  readonly reason: string;
  /**
   * Of a stub, which has neither body nor headers: the message's sequence in the stream that it came from.
   */
  readonly stubOf: number | undefined;
  /** The message's own headers. */
  readonly headers: MsgHdrs;
  readonly data: Uint8Array;
}

/** Why a message is no dead letter that can be put back, with its sequence. */
export interface Malformed {
  readonly malformed: string;
}

/** @param inboxPrefix of this user, beside `_INBOX`, which no stream's message may go to */
export function readDeadLetter(stored: StoredMessage, inboxPrefix?: string): DeadLetter | Malformed {
  const { sequence, headers, data } = stored;
  const malformed = (why: string): Malformed => ({ malformed: `message ${sequence} is skipped: ${why}` });
  const subject = headers.get("Sluice-Subject");
  if (subject === "") return malformed("it does not say which subject it came from");
  const stream = headers.get("Sluice-Stream");
  if (!isTarget(subject, inboxPrefix))
    return malformed(`no message can have come from the subject ${JSON.stringify(subject.slice(0, 200))}`);
  if (!STREAM.test(stream)) return malformed("it does not say which stream it came from");
  const isStub = headers.has("Sluice-Stub");
  const stubOf = Number(headers.get("Sluice-Sequence"));
  if (isStub && !(Number.isSafeInteger(stubOf) && stubOf > 0))
    return malformed("it is a stub, and does not say which sequence it is of");
  return {
    sequence,
    subject,
    stream,
    data,
    consumer: headers.get("Sluice-Consumer"),
    reason: headers.get("Sluice-Reason"),
    stubOf: isStub ? stubOf : undefined,
    headers: ownHeaders(headers),
  };
}

/**
 * Without what the drain added, and without any `Nats-*`: an id, a TTL or an expectation would act
 * on the stream again.
 */
export function ownHeaders(headers: MsgHdrs): MsgHdrs {
  return copyHeaders(headers, (name) => !/^(nats|sluice)-/i.test(name));
}

/**
 * A subject of a user's message: no API of the server's, nobody's inbox, no wildcard, nothing that
 * ends a protocol line, and nothing with U+FFFD, which stands for bytes that are not known any more.
 */
function isTarget(subject: string, inboxPrefix = "_INBOX"): boolean {
  const isInbox = ["_INBOX", inboxPrefix].some((prefix) => `${subject}.`.startsWith(`${prefix}.`));
  const isOwn = subject.startsWith("_INBOX") || subject.startsWith("$");
  return !isInbox && !isOwn && TARGET.test(subject) && !subject.includes("\ufffd") && fitsALine(subject);
}

/** nats-server takes no longer name, and ends the connection at a line that is far longer. */
const STREAM = /^[^\s.*>/\\\p{Cc}]{1,255}$/u;
const TARGET = /^(?![*>](\.|$))[^\s.\p{Cc}]+(\.(?![*>](\.|$))[^\s.\p{Cc}]+)*$/u;

/** Which dead letters are meant; undefined: all. */
export interface Filter {
  /** The subject that it came from, with wildcards. */
  readonly subject?: string | undefined;
  readonly consumer?: string | undefined;
  /** Part of the reason. */
  readonly reason?: string | undefined;
}

/** Whether it is meant. */
export function matches(letter: DeadLetter, { subject, consumer, reason }: Filter): boolean {
  return (
    (subject === undefined || takesIn(subject, letter.subject)) &&
    (consumer === undefined || letter.consumer === consumer) &&
    (reason === undefined || letter.reason.includes(reason))
  );
}
