// What is written to the server as text of the NATS protocol, past nats-core. Pure.

/** The payload is ASCII: its length is that of the text. */
export function publication(subject: string, payload: string, reply?: string): string {
  return `PUB ${subject}${reply === undefined ? "" : ` ${reply}`} ${payload.length}\r\n${payload}\r\n`;
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
