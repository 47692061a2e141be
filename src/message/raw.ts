// The one place that reaches into nats-core, for what its public face does not give: the bytes of a
// header block, what a request needs, and the reader's errors. test/headers.test.ts,
// test/request.test.ts and test/connection hold that the installed version has this shape.
import type { Msg, NatsConnection, Subscription } from "@nats-io/nats-core";
import type { MsgImpl, NatsConnectionImpl, SubscriptionImpl } from "@nats-io/nats-core/internal";

const NONE = new Uint8Array();

/**
 * The bytes of a message's headers, none where it has none; undefined where the message is not
 * built as nats-core builds its own.
 */
export function headerBlockOf(msg: Msg): Uint8Array | undefined {
  const { _msg: arg, _rdata: data } = msg as Partial<MsgImpl>; // looked at before it is used
  if (typeof arg?.hdr !== "number" || !(data instanceof Uint8Array)) return undefined;
  // -1: a message without headers.
  return arg.hdr > 0 ? data.subarray(0, arg.hdr) : NONE;
}

/** The prefix of a connection's inboxes; undefined: the default. */
export function inboxPrefixOf(nats: NatsConnection): string | undefined {
  return (nats as Partial<NatsConnectionImpl>).options?.inboxPrefix;
}

/**
 * Has a subscription's callback told when the server refuses a publish to `subject`, which is a
 * request whose answer it waits for.
 */
export function tellRequestSubject(subscription: Subscription, subject: string): void {
  (subscription as SubscriptionImpl).requestSubject = subject; // without effect where it has another name
}

/** Most bytes of what comes in several frames, which nats-core puts together. */
export interface ReaderBounds {
  readonly lineBytes: number;
  readonly messageBytes: number;
}

/**
 * Calls `failed` once when the connection's reader throws, or has begun to read what is larger than
 * its bound, and has it read nothing more. nats-core itself would print what it read by console.log,
 * and go deaf.
 */
export function guardReader(nats: NatsConnection, bounds: ReaderBounds, failed: () => void): void {
  const parser = (nats as Partial<NatsConnectionImpl>).protocol?.parser;
  if (!parser) return;
  const parse = parser.parse.bind(parser);
  let broken = false;
  parser.parse = (bytes) => {
    if (broken) return;
    try {
      parse(bytes);
      const { argBuf: line, msgBuf: message, ma } = parser;
      broken = message ? ma.size > bounds.messageBytes : (line?.length ?? 0) > bounds.lineBytes;
    } catch {
      broken = true;
    }
    if (broken) failed();
  };
}
