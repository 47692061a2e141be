// The one place that reaches into nats-core, for what its public face does not give: the bytes of a
// header block, what a request needs, and the reader's errors. test/headers.test.ts,
// test/request.test.ts and test/connection hold that the installed version has this shape.
import type { NatsConnection, Subscription } from "@nats-io/nats-core";
import type { MsgImpl, NatsConnectionImpl, SubscriptionImpl } from "@nats-io/nats-core/internal";
import { type RawMessage, Received } from "./received.ts";

const NONE = new Uint8Array();

/**
 * The bytes of a message's headers, none where it has none; undefined where the message is not
 * built as nats-core builds its own.
 */
export function headerBlockOf(msg: RawMessage): Uint8Array | undefined {
  if (msg instanceof Received) return msg.headerBlock;
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

/**
 * Most lines of each kind that are no messages, far more than a server has reason to send: each of them
 * costs much more than a message does. An error is sent for each publish that is denied, so that all
 * acks of a drain may have one.
 */
const MAX_LINES = { info: 1_000, error: 10_000, ping: 10_000 } as const;

/** What a server did, where it is left for it: the end of a sentence that holds nothing of what it sent. */
export const UNREADABLE = "sent what cannot be read";
export const TOO_MUCH = "sent without an end what no drain needs";

/**
 * Calls `failed` once when nats-core's reader throws, or gets what no server has reason to send, and has
 * it read nothing more; `problem` holds nothing of that. nats-core itself would print what it read by
 * console.log, and read nothing more.
 */
export function guardReader(nats: NatsConnection, failed: (problem: string) => void): void {
  const { protocol } = nats as Partial<NatsConnectionImpl>;
  if (!protocol?.parser) return;
  const { parser } = protocol;
  const parse = parser.parse.bind(parser);
  const isTooMuch = countLines(protocol);
  let broken = false;
  parser.parse = (bytes) => {
    if (broken) return;
    try {
      parse(bytes);
    } catch {
      broken = true;
      failed(isTooMuch() ? TOO_MUCH : UNREADABLE);
    }
  };
}

type Protocol = NatsConnectionImpl["protocol"];

/** Has `protocol` throw at a line too many of its kind; the function returned says whether one came. */
function countLines(protocol: Protocol): () => boolean {
  let tooMuch = false;
  const atMost = <Args extends unknown[]>(max: number, process: (...args: Args) => void) => {
    let count = 0;
    return (...args: Args): void => {
      count += 1;
      tooMuch ||= count > max;
      if (tooMuch) throw new Error("too many lines");
      process.apply(protocol, args);
    };
  };
  protocol.processInfo = atMost(MAX_LINES.info, protocol.processInfo);
  protocol.processError = atMost(MAX_LINES.error, protocol.processError);
  protocol.processPing = atMost(MAX_LINES.ping, protocol.processPing);
  return () => tooMuch;
}
