// The ack subject of a delivery, which carries all of its metadata. Pure.
//
// Its first form is
// `$JS.ACK.<stream>.<consumer>.<deliveries>.<stream seq>.<consumer seq>.<time>.<pending>`.
// The second has a domain (`_` for none) and an account hash before the stream, and may have more
// tokens after `pending` (ADR-15).

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
const NANOS_DIGITS = 6; // of a millisecond
const UINT64_DIGITS = 20;
// Numbers that a double holds exactly without another look, as those of nearly every delivery: tested
// in a third of the time that it takes to read them.
const USUAL_NUMBERS = /(?:[1-9]\d{0,14}\.){3}\d{7,20}\.\d{1,15}$/y;

/**
 * Reads an ack subject. Every number in it is one that a double holds exactly.
 *
 * @throws {SyntaxError} when it is none
 */
export function parseAckSubject(subject: string): DeliveryInfo {
  const info = subject.startsWith(PREFIX)
    ? (readFrom(subject, PREFIX.length, "first") ??
      readFrom(subject, afterToken(subject, afterToken(subject, PREFIX.length)), "second"))
    : undefined;
  if (info) return info;
  throw new SyntaxError(`not the ack subject of a JetStream delivery: ${JSON.stringify(subject)}`);
}

/**
 * Whether a reply subject is the ack subject of a delivery by this consumer: nothing else on a
 * pull's inbox is one. Called for every message, so it looks at each character about once.
 */
export function isAckSubjectOf(subject: string, stream: string, consumer: string): boolean {
  if (!subject.startsWith(PREFIX)) return false;
  USUAL_NUMBERS.lastIndex = PREFIX.length + stream.length + consumer.length + 2;
  if (USUAL_NUMBERS.test(subject) && afterNames(subject, PREFIX.length, stream, consumer) > 0) return true;
  if (readNumbers(subject, afterNames(subject, PREFIX.length, stream, consumer), "first")) return true;
  const second = afterToken(subject, afterToken(subject, PREFIX.length));
  return readNumbers(subject, afterNames(subject, second, stream, consumer), "second") !== undefined;
}

/** Only the second form may go on after its numbers. */
type Form = "first" | "second";

function readFrom(subject: string, at: number, form: Form): DeliveryInfo | undefined {
  const consumerAt = afterToken(subject, at);
  const numbersAt = afterToken(subject, consumerAt);
  const numbers = readNumbers(subject, numbersAt, form);
  if (!numbers) return undefined;
  const { deliveryCount, sequence, timestampMs, timeAt, timeEnd, pending } = numbers;
  return {
    stream: subject.slice(at, consumerAt - 1),
    consumer: subject.slice(consumerAt, numbersAt - 1),
    deliveryCount,
    sequence,
    timestampMs,
    timestampNanos: subject.slice(timeAt, timeEnd),
    pending,
  };
}

interface Numbers extends Pick<DeliveryInfo, "deliveryCount" | "sequence" | "timestampMs" | "pending"> {
  readonly timeAt: number;
  readonly timeEnd: number;
}

/** The five numbers of a delivery, to the subject's end or to a dot; undefined where they are none. */
function readNumbers(subject: string, at: number, form: Form): Numbers | undefined {
  if (at < 0) return undefined;
  const sequenceAt = subject.indexOf(".", at) + 1;
  const consumerSequenceAt = subject.indexOf(".", sequenceAt) + 1;
  const timeAt = subject.indexOf(".", consumerSequenceAt) + 1;
  const timeEnd = subject.indexOf(".", timeAt);
  if (sequenceAt === 0 || consumerSequenceAt === 0 || timeAt === 0 || timeEnd < 0) return undefined;
  const more = subject.indexOf(".", timeEnd + 1);
  if (more >= 0 && form === "first") return undefined;

  const deliveryCount = readDigits(subject, at, sequenceAt - 1);
  const sequence = readDigits(subject, sequenceAt, consumerSequenceAt - 1);
  const consumerSequence = readDigits(subject, consumerSequenceAt, timeAt - 1);
  // From 1, and exact: else two messages would have one id.
  if (!isCount(deliveryCount) || !isCount(sequence) || !isCount(consumerSequence)) return undefined;
  const timestampMs = readDigits(subject, timeAt, timeEnd - NANOS_DIGITS);
  const pending = readDigits(subject, timeEnd + 1, more < 0 ? subject.length : more);
  if (Number.isNaN(timestampMs + pending + readDigits(subject, timeEnd - NANOS_DIGITS, timeEnd)))
    return undefined;
  if (timeEnd - timeAt > UINT64_DIGITS) return undefined;
  // nats-server has counted below zero, in 64 unsigned bits: nothing is left then.
  const left = Number.isSafeInteger(pending) ? pending : 0;
  return { deliveryCount, sequence, timestampMs, pending: left, timeAt, timeEnd };
}

function isCount(value: number): boolean {
  return value >= 1 && value <= Number.MAX_SAFE_INTEGER;
}

/** The number that the digits are; NaN where one is none, where there is none, or more than 64 bits have. */
function readDigits(subject: string, from: number, to: number): number {
  if (to <= from || to - from > UINT64_DIGITS) return Number.NaN;
  let value = 0;
  for (let at = from; at < to; at += 1) {
    const digit = subject.charCodeAt(at) - ZERO;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = value * 10 + digit;
  }
  return value;
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
