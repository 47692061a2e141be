// What is written to the server as text of the NATS protocol, past nats-core. Pure.

/** What is published, and how its message ends: made once for all messages that have it. */
export interface Payload {
  readonly text: string;
  readonly tail: string;
}

/** @param text ASCII: its length is that in bytes */
export function payload(text: string): Payload {
  return { text, tail: ` ${text.length}\r\n${text}\r\n` };
}

export function publication(subject: string, { tail }: Payload, reply?: string): string {
  return reply === undefined ? `PUB ${subject}${tail}` : `PUB ${subject} ${reply}${tail}`;
}

/** A subscription, as the server knows it. */
interface Subscription {
  readonly subject: string;
  readonly sid: number;
}

export function subscription({ subject, sid }: Subscription): string {
  return `SUB ${subject} ${sid}\r\n`;
}

export function unsubscription({ sid }: Pick<Subscription, "sid">): string {
  return `UNSUB ${sid}\r\n`;
}
