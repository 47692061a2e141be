// The ack subject of a delivery, which carries all of its metadata. Pure.

/** What an ack subject says. */
export interface DeliveryInfo {
  readonly stream: string;
  readonly consumer: string;
  readonly deliveryCount: number;
  readonly sequence: number;
  readonly timestampMs: number;
  readonly pending: number;
}

/**
 * Reads an ack subject, in its first form, `$JS.ACK.<stream>.<consumer>.<deliveries>.<stream seq>.<consumer seq>.<time>.<pending>`,
 * or its second, which has a domain and an account hash before the stream, and may have tokens after `pending` (ADR-15).
 *
 * @throws {SyntaxError} when it is neither
 */
export function parseAckSubject(subject: string): DeliveryInfo {
  const tokens = subject.split(".");
  const at = tokens.length === 9 ? 2 : 4;
  const [stream, consumer, deliveries, sequence, , time, pending] = tokens.slice(at);
  if (tokens[0] !== "$JS" || tokens[1] !== "ACK" || !stream || !consumer || pending === undefined) {
    throw notAnAckSubject(subject);
  }
  const info: DeliveryInfo = {
    stream,
    consumer,
    deliveryCount: Number(deliveries),
    sequence: Number(sequence),
    // Nanoseconds need 61 bits. A double keeps 53, which is still far finer than the millisecond asked for.
    timestampMs: Math.floor(Number(time) / 1e6),
    pending: Number(pending),
  };
  if (Number.isNaN(info.deliveryCount + info.sequence + info.timestampMs + info.pending))
    throw notAnAckSubject(subject);
  return info;
}

function notAnAckSubject(subject: string): SyntaxError {
  return new SyntaxError(`not the ack subject of a JetStream delivery: ${JSON.stringify(subject)}`);
}

/** Whether a reply subject is the ack subject of a delivery by this consumer: nothing else on a pull's inbox is one. */
export function isAckSubjectOf(subject: string, stream: string, consumer: string): boolean {
  if (!subject.startsWith("$JS.ACK.")) return false;
  const tokens = subject.split(".");
  const at = tokens.length === 9 ? 2 : 4;
  if (tokens.length < at + 7 || tokens[at] !== stream || tokens[at + 1] !== consumer) return false;
  return tokens.slice(at + 2, at + 7).every((token) => /^\d+$/.test(token));
}
