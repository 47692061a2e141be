// The ack subject of a delivery, which carries all of its metadata. Pure.
//
// Its first form is `$JS.ACK.<stream>.<consumer>.<deliveries>.<stream seq>.<consumer seq>.<time>.<pending>`. The second has a
// domain (`_` for none) and an account hash before the stream, and may have more tokens after `pending` (ADR-15).

/** What an ack subject says. */
export interface DeliveryInfo {
  readonly stream: string;
  readonly consumer: string;
  readonly deliveryCount: number;
  readonly sequence: number;
  readonly timestampMs: number;
  /** The same to the nanosecond, which a number cannot hold. */
  readonly timestampNanos: string;
  readonly pending: number;
}

const PREFIX = "$JS.ACK.";
const DOT = 46;
const ZERO = 48;
const NINE = 57;
const NANOS_DIGITS = 6; // of a millisecond
const UINT64_DIGITS = 20;

/**
 * Reads an ack subject. Every number in it is one that a double holds exactly.
 *
 * @throws {SyntaxError} when it is none
 */
export function parseAckSubject(subject: string): DeliveryInfo {
  const tokens = subject.split(".");
  const at = tokens.length === 9 ? 2 : 4;
  const [stream, consumer, deliveries, sequence, , time = "", pending] = tokens.slice(at);
  if (!stream || !consumer || !isAckSubjectOf(subject, stream, consumer)) {
    throw new SyntaxError(`not the ack subject of a JetStream delivery: ${JSON.stringify(subject)}`);
  }
  const left = Number(pending);
  return {
    stream,
    consumer,
    deliveryCount: Number(deliveries),
    sequence: Number(sequence),
    timestampMs: Number(time.slice(0, -NANOS_DIGITS)),
    timestampNanos: time,
    // nats-server has counted below zero, in 64 unsigned bits: nothing is left then.
    pending: Number.isSafeInteger(left) ? left : 0,
  };
}

/**
 * Whether a reply subject is the ack subject of a delivery by this consumer: nothing else on a pull's inbox is one. Called for
 * every message, so it reads each character once and makes nothing.
 */
export function isAckSubjectOf(subject: string, stream: string, consumer: string): boolean {
  if (!subject.startsWith(PREFIX)) return false;
  const first = afterNumbers(subject, afterNames(subject, PREFIX.length, stream, consumer));
  if (first === subject.length) return true;
  const names = afterToken(subject, afterToken(subject, PREFIX.length));
  const second = afterNumbers(subject, afterNames(subject, names, stream, consumer));
  return second === subject.length || (second > 0 && subject.charCodeAt(second) === DOT);
}

// Each of these takes where to begin, and gives where the next token begins; -1 is "nowhere", in and out.

/** Past a token, which is not empty, and its dot. */
function afterToken(subject: string, at: number): number {
  if (at < 0) return -1;
  const dot = subject.indexOf(".", at);
  return dot > at ? dot + 1 : -1;
}

/** Past `<stream>.<consumer>.`. */
function afterNames(subject: string, at: number, stream: string, consumer: string): number {
  return afterName(subject, afterName(subject, at, stream), consumer);
}

function afterName(subject: string, at: number, name: string): number {
  if (at < 0 || !subject.startsWith(name, at)) return -1;
  const end = at + name.length;
  return subject.charCodeAt(end) === DOT ? end + 1 : -1;
}

/** Past the five numbers, to the end or to the dot after them. */
function afterNumbers(subject: string, from: number): number {
  if (from < 0) return -1;
  // The deliveries, both sequences: from 1, and exact, or two messages would have one id.
  let at = afterCount(subject, from);
  at = afterCount(subject, at);
  at = afterCount(subject, at);
  const time = at;
  at = afterDigits(subject, at);
  if (at < 0 || at - time <= NANOS_DIGITS || subject.charCodeAt(at) !== DOT) return -1;
  return afterDigits(subject, at + 1);
}

/** Past a whole number from 1 that a double holds exactly, and its dot. */
function afterCount(subject: string, at: number): number {
  const end = afterDigits(subject, at);
  if (end < 0 || subject.charCodeAt(end) !== DOT) return -1;
  let value = 0;
  for (let digit = at; digit < end; digit += 1) value = value * 10 + (subject.charCodeAt(digit) - ZERO);
  return value >= 1 && value <= Number.MAX_SAFE_INTEGER ? end + 1 : -1;
}

/** To the end of some digits, of no more than 64 bits have. */
function afterDigits(subject: string, at: number): number {
  if (at < 0) return -1;
  let end = at;
  for (let code = subject.charCodeAt(end); code >= ZERO && code <= NINE; code = subject.charCodeAt(end))
    end += 1;
  return end > at && end - at <= UINT64_DIGITS ? end : -1;
}
