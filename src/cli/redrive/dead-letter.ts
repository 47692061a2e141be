// A dead letter as it stands in its stream: where it came from, and the message that it was. Pure.
import type { MsgHdrs } from "@nats-io/nats-core";
import { copyHeaders } from "../../message/headers.ts";

/** A message of a stream. */
export interface Stored {
  readonly sequence: number;
  readonly headers: MsgHdrs;
  readonly data: Uint8Array;
}

/** A message that a drain gave up. */
export interface DeadLetter {
  /** Its own sequence, in the stream of dead letters. */
  readonly sequence: number;
  /** Where it came from. */
  readonly subject: string;
  /** The stream that it came from; undefined where the dead letter does not say. */
  readonly stream: string | undefined;
  readonly consumer: string;
  readonly reason: string;
  /** The message's own headers. */
  readonly headers: MsgHdrs;
  readonly data: Uint8Array;
}

/** Undefined for a message that does not say where it came from, and for a stub, which has no body to put back. */
export function readDeadLetter({ sequence, headers, data }: Stored): DeadLetter | undefined {
  const subject = headers.get("Sluice-Subject");
  if (!subject || headers.has("Sluice-Stub")) return undefined;
  return {
    ...{ sequence, subject, data },
    stream: headers.get("Sluice-Stream") || undefined,
    consumer: headers.get("Sluice-Consumer"),
    reason: headers.get("Sluice-Reason"),
    headers: ownHeaders(headers),
  };
}

/** Without what the drain added, and without any `Nats-*`: an id, a TTL or an expectation would act on the stream again. */
function ownHeaders(headers: MsgHdrs): MsgHdrs {
  return copyHeaders(headers, (name) => !/^(nats|sluice)-/i.test(name));
}

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
    (subject === undefined || subjectPattern(subject).test(letter.subject)) &&
    (consumer === undefined || letter.consumer === consumer) &&
    (reason === undefined || letter.reason.includes(reason))
  );
}

/** `*` is one token, `>` the rest. */
function subjectPattern(filter: string): RegExp {
  const tokens = filter.split(".").map((token) => {
    if (token === "*") return "[^.]+";
    return token === ">" ? ".+" : token.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
  });
  return new RegExp(`^${tokens.join("\\.")}$`);
}
