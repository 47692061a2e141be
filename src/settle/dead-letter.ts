// Dead letters: publish, wait for the PubAck, and only then may the message be termed.
import { oneLine } from "../checks.ts";
import type { Deadline } from "../deadline.ts";
import { listNames } from "../message/header-block.ts";
import { copyHeaders, HeaderMap } from "../message/headers.ts";
import type { Message } from "../message/message.ts";
import { type DeadLetter, isStored } from "./duplicate.ts";
import { type LetterKey, letterId } from "./letter-id.ts";
import { isTooLarge, type Published, type Publisher } from "./publish.ts";
import type { IsKept } from "./retention.ts";

/** Where dead letters go. */
export interface DeadLetterOptions {
  /** Subject to publish them to; a stream must take it in, or no dead letter is ever confirmed. */
  readonly subject: string;
  /**
   * A message that fails at this delivery, or a later one, is a dead letter. The server counts a
   * release as a delivery, so this does too. Whole number from 1.
   * @default the consumer's max deliver
   */
  readonly maxDeliveries?: number | undefined;
}

/**
 * What a dead letter has of its message: all that can be carried, the body without the message's
 * own headers, or nothing but where it is (`Sluice-Stub: true`). The first that fits is published.
 * A stub is no copy: what it points at must stay.
 */
export type DeadLetterForm = "whole" | "without-headers" | "stub";

export interface PublishedDeadLetter {
  readonly form: DeadLetterForm;
  /** Names of headers that it lacks, printable and bounded; `Nats-*` and `Sluice-*` not counted. */
  readonly dropped: readonly string[];
  readonly ack: Published;
}

export interface DeadLetterSettings {
  /** When a dead letter without a PubAck is given up. */
  readonly by: Deadline;
  /**
   * Tries until the deadline whatever happens: for a message that will not be delivered again.
   * @default false
   */
  readonly persist?: boolean;
  /** The message that it stands for, where it is a copy. */
  readonly of?: LetterOf | undefined;
  /** Its body was not delivered: the dead letter can only point at it. @default false */
  readonly isBodyless?: boolean;
  /** For its id. @default none: the message's time alone makes it hard to guess */
  readonly key?: LetterKey | undefined;
  /** Whether the stream keeps what it has confirmed. @default it does */
  readonly isKept?: IsKept;
}

/** What a dead letter says of its message in place of what the delivery says. */
export interface LetterOf {
  readonly sequence: number;
  readonly deliveries: number;
}

const MAX_REASON_LENGTH = 1_000;
const MAX_DROPPED_LENGTH = 1_000;
// More than nats-server takes unless it is told to: its `max_control_line`.
const MAX_SUBJECT_LENGTH = 4_096;
const MAX_PUBLISHED_BYTES = 3_584;
const NOT_KEPT = "its stream confirmed it, and keeps none: no consumer asks for it, or limits are too small";

/**
 * Publishes a dead letter and waits for its PubAck, in the largest form that server and stream
 * take. Retried until `by`.
 *
 * @throws {PublishError} when there was none by then
 * @throws {Error} when the stream keeps none
 */
export async function publishDeadLetter(
  publisher: Publisher,
  subject: string,
  message: Message<unknown>,
  reason: string,
  settings: DeadLetterSettings,
): Promise<PublishedDeadLetter> {
  const at = new Date();
  const id = await letterId(message, settings.key ?? {});
  const publish = async (form: DeadLetterForm): Promise<PublishedDeadLetter> => {
    const { headers, dropped } = makeHeaders(message, reason, at, form, settings.of);
    const data = form === "stub" ? new Uint8Array() : message.data;
    const isFirst = message.deliveryCount === 1;
    const letter: DeadLetter = { subject, id, headers, data, isFirst };
    return { form, dropped, ack: await publishOnce(publisher, letter, settings) };
  };
  for (const form of settings.isBodyless ? [] : (["whole", "without-headers"] as const)) {
    try {
      return await publish(form);
    } catch (error) {
      if (!isTooLarge(error)) throw error;
    }
  }
  return await publish("stub");
}

/**
 * A duplicate may be junk that somebody who can write to the stream put there under our id: the
 * message would be termed then, and lost. So a duplicate must be ours; otherwise there is one more,
 * under an id that nobody can know. Two dead letters beat none.
 */
async function publishOnce(
  publisher: Publisher,
  letter: DeadLetter,
  { by, persist = false, isKept }: DeadLetterSettings,
): Promise<Published> {
  const { subject, id, headers, data } = letter;
  let ack = await publisher.publish(subject, data, { id, headers, persist }, by);
  if (ack.duplicate && !(await isStored(publisher, letter, ack, by))) {
    const again = { id: `${id}:${crypto.randomUUID()}`, headers, persist };
    ack = await publisher.publish(subject, data, again, by);
  }
  if (isKept && !(await isKept(ack, by))) throw new Error(NOT_KEPT);
  const { stream, sequence, duplicate } = ack;
  return { stream, sequence, duplicate };
}

/**
 * Of those of the message: not `Nats-*` (TTL, rollup and expectations would act on the new stream),
 * nor an earlier death's.
 */
function isOwn(name: string): boolean {
  return !/^(nats|sluice)-/i.test(name);
}

/** The headers of a dead letter: the message's own, as far as the form has them, and where it came from. */
export function deadLetterHeaders(
  message: Message<unknown>,
  reason: string,
  at: Date,
  form: DeadLetterForm = "whole",
  of?: LetterOf,
): HeaderMap {
  return makeHeaders(message, reason, at, form, of).headers;
}

function makeHeaders(
  message: Message<unknown>,
  reason: string,
  at: Date,
  form: DeadLetterForm,
  of: LetterOf = { sequence: message.sequence, deliveries: message.deliveryCount },
): { readonly headers: HeaderMap; readonly dropped: readonly string[] } {
  const isWhole = form === "whole";
  const headers = isWhole ? copyHeaders(message.headers, isOwn) : new HeaderMap();
  const left = isWhole ? [] : listNames(message.headers.keys().filter(isOwn));
  const dropped = [...left, ...message.headers.dropped];
  headers.set("Sluice-Subject", subjectLine(message.subject));
  headers.set("Sluice-Stream", message.stream);
  // A stub needs what is there: the copy, where it is one.
  headers.set("Sluice-Sequence", String(form === "stub" ? message.sequence : of.sequence));
  headers.set("Sluice-Consumer", message.consumer);
  headers.set("Sluice-Deliveries", String(of.deliveries));
  headers.set("Sluice-Reason", oneLine(String(reason).replace(/\s+/g, " "), MAX_REASON_LENGTH));
  headers.set("Sluice-Time", at.toISOString());
  if (dropped.length > 0) {
    headers.set("Sluice-Dropped-Headers", oneLine(dropped.join(", "), MAX_DROPPED_LENGTH));
  }
  if (form === "stub") headers.set("Sluice-Stub", "true");
  return { headers, dropped };
}

/**
 * A subject that cannot be given as it is says so, with spaces: no tool can take it for another
 * subject then.
 */
function subjectLine(subject: string): string {
  const line = oneLine(subject, MAX_SUBJECT_LENGTH);
  return line === subject ? line : `${line} (not as it is)`;
}

/** Whether a client can publish to the subject as it is; U+FFFD stands for what was no UTF-8. */
export function isPlainSubject(subject: string): boolean {
  return subjectLine(subject) === subject && !/[\s\ufffd]/.test(subject) && fitsALine(subject);
}

/**
 * Whether a line that publishes to the subject, with an inbox and two sizes, is one that nats-server
 * takes: it ends the connection at one beyond its `max_control_line`.
 */
export function fitsALine(subject: string): boolean {
  return new TextEncoder().encode(subject).length <= MAX_PUBLISHED_BYTES;
}
