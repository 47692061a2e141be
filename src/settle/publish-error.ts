// Why a message was not confirmed by a stream, in our own words: an answer's text is anybody's, and
// is never quoted.
import { JetStreamError } from "../connection/jetstream.ts";

/** A message was not confirmed by a stream. `cause` is the last attempt's error. */
export class PublishError extends Error {
  readonly code = "SLUICE_PUBLISH";
  readonly subject: string;
  /** An attempt went out and was not refused: the stream may have the message, or may get it yet. */
  readonly mayBeStored: boolean;
  constructor(subject: string, attempts: number, cause: unknown, mayBeStored: boolean = false) {
    const tries = attempts === 1 ? "1 attempt" : `${attempts} attempts`;
    super(`no stream confirmed a message to ${JSON.stringify(subject)} in ${tries}: ${describe(cause)}`, {
      cause,
    });
    this.name = "PublishError";
    this.subject = subject;
    this.mayBeStored = mayBeStored;
  }
}

/** Whether what failed to be published may be there all the same. */
export function mayBeStored(error: unknown): boolean {
  return error instanceof PublishError && error.mayBeStored;
}

/** More than the server, or any stream, takes. */
export class TooLargeError extends Error {
  constructor(what: "headers" | "message", bytes: number, max: number) {
    super(`the ${what} would have ${bytes} bytes, and ${max} are allowed`);
    this.name = "TooLargeError";
  }
}

/** Something answered, and it was no stream. */
export class NotAPubAckError extends Error {
  constructor() {
    super("the answer is not a PubAck");
    this.name = "NotAPubAckError";
  }
}

/** What a stream may refuse a message for, by its number in nats-server's errors.json. */
const REFUSALS: Readonly<Record<number, string>> = {
  10008: "JetStream is unavailable for the moment",
  10023: "JetStream's resources are used up",
  10047: "JetStream's storage is used up",
  10054: "it is larger than the stream's max_msg_size",
  10060: "another stream than the expected one takes the subject",
  10077: "the stream cannot store it: it may be full",
  10097: "its headers are too large",
  10109: "the stream is sealed",
};

const SIZE_CODES: readonly number[] = [10054, 10097];
const PASSING_CODES: readonly number[] = [10008, 10023, 10047, 10077];

/** Whether a smaller message may be taken. */
export function isSizeCode(code: number): boolean {
  return SIZE_CODES.includes(code);
}

/** Whether the same message may be taken later. */
export function isPassingCode(code: number): boolean {
  return PASSING_CODES.includes(code);
}

function describe(cause: unknown): string {
  if (!(cause instanceof JetStreamError)) return cause instanceof Error ? cause.message : String(cause);
  const { code } = cause;
  const number = code > 0 ? ` with error ${code}` : "";
  return REFUSALS[code] ?? `JetStream refused it${number}`;
}
