// What a run came to, from what its server saw and what was seen of its handlers.
import type { MsgHdrs } from "@nats-io/nats-core";
import { InvalidValueError } from "../message/invalid-value.ts";
import { DeliveredMessage } from "../message/message.ts";
import { type ValueOptions, valueReader } from "../message/value.ts";
import { isCopy, readCopy } from "../settle/copy.ts";
import type { Seen } from "./handler-watch.ts";
import { type Delivery, type FakeMessage, toMsg } from "./message.ts";
import type { SentMessage, SentSettlement } from "./server.ts";

/** How one message was settled. */
export type TestSettlement = {
  /** `${stream}:${sequence}`. */
  readonly id: string;
  readonly subject: string;
  /** When the server got it, in milliseconds from the start of the run. */
  readonly atMs: number;
} & (
  | { readonly kind: "ack" }
  /** `delayMs` is what the server was asked for; `error` is what the handler threw, if it did. */
  | { readonly kind: "retry"; readonly delayMs: number; readonly error?: unknown }
  /** Never delivered again, and there was no dead-letter subject. */
  | { readonly kind: "reject"; readonly reason: string }
  /** Never delivered again, and published to the dead-letter subject before. */
  | { readonly kind: "dead-letter"; readonly reason: string; readonly error?: unknown }
  /** Given back: no handler had started it. */
  | { readonly kind: "release" }
);

/** A message that was published to a stream. */
export interface PublishedMessage {
  readonly subject: string;
  readonly data: Uint8Array;
  /** The body decoded as UTF-8. */
  readonly text: string;
  /** With the `Nats-Msg-Id` that it was published under. */
  readonly headers: MsgHdrs;
  /** The stream refused it. */
  readonly refused: boolean;
}

/** What a run leaves behind. */
export interface Traces {
  readonly deliveries: readonly Delivery[];
  /** What came on the ack subjects. */
  readonly sent: readonly SentSettlement[];
  readonly deadLetters: readonly PublishedMessage[];
  /** What the drain put at the end of the consumer's stream. */
  readonly copies: readonly SentMessage[];
  /** What was seen of the message with that sequence. */
  readonly seen: (sequence: number) => Seen;
  readonly options: ValueOptions & { readonly stream: string };
  readonly startedAt: number;
}

/** Dead letters, the copies of those that could not be published, and the handlers' own messages. */
export function sortPublished(
  sent: readonly SentMessage[],
  deadLetterSubject: string | undefined,
): {
  readonly published: PublishedMessage[];
  readonly deadLetters: PublishedMessage[];
  readonly copies: SentMessage[];
} {
  const copies = sent.filter(({ headers }) => isCopy(headers));
  const all = sent
    .filter((each) => !copies.includes(each))
    .map(({ sequence: _, ...message }) => ({ ...message, text: new TextDecoder().decode(message.data) }));
  const isDeadLetter = ({ subject, headers }: PublishedMessage): boolean =>
    subject === deadLetterSubject && headers.has("Sluice-Sequence");
  return {
    published: all.filter((each) => !isDeadLetter(each)),
    deadLetters: all.filter(isDeadLetter),
    copies: copies.filter(({ refused }) => !refused),
  };
}

/** The settlements, in the order in which the server got them. */
export async function readSettlements(traces: Traces): Promise<TestSettlement[]> {
  const bySequence = new Map(traces.deliveries.map((delivery) => [delivery.sequence, delivery]));
  const settlements = traces.sent.map(
    async ({ sequence, payload, at }): Promise<TestSettlement | undefined> => {
      const delivery = bySequence.get(sequence);
      if (!delivery) return undefined;
      const { subject } = delivery;
      const settled = { id: `${traces.options.stream}:${sequence}`, subject, atMs: at - traces.startedAt };
      return { ...settled, ...(await readPayload(payload, delivery, traces)) };
    },
  );
  return (await Promise.all(settlements)).filter((settlement) => settlement !== undefined);
}

type HowSettled = TestSettlement extends infer Each
  ? Each extends TestSettlement
    ? Omit<Each, "id" | "subject" | "atMs">
    : never
  : never;

async function readPayload(payload: string, delivery: Delivery, traces: Traces): Promise<HowSettled> {
  const { sequence } = delivery;
  const { started, reason, error } = traces.seen(sequence);
  const thrown = error === undefined ? {} : { error };
  // A copy's dead letter is that of the message it stands for.
  const letterOf = readCopy(new DeliveredMessage(toMsg(delivery)))?.sequence ?? sequence;
  const isOfIt = ({ headers }: { headers: MsgHdrs }): boolean =>
    headers.get("Sluice-Sequence") === `${letterOf}`;
  const deadLetter = traces.deadLetters.findLast(isOfIt);
  if (payload === "+ACK") return { kind: "ack" };
  if (payload === "+TERM") {
    if (traces.copies.some(isOfIt)) return { kind: "retry", delayMs: 0, ...thrown };
    if (deadLetter)
      return { kind: "dead-letter", reason: deadLetter.headers.get("Sluice-Reason"), ...thrown };
    return { kind: "reject", reason: reason ?? (await whyUnreadable(delivery, traces.options)) };
  }
  // A dead letter that was not confirmed is a retry also of a message that no handler ever got.
  if (!started && !deadLetter) return { kind: "release" };
  return { kind: "retry", delayMs: delayOf(payload), ...thrown };
}

/** `-NAK {"delay":<nanoseconds>}` */
function delayOf(payload: string): number {
  const { delay }: { delay: number } = JSON.parse(payload.slice("-NAK ".length));
  return delay / 1e6;
}

/**
 * Why a message was rejected that no handler got: its value is read once more, because the wire does not say.
 */
async function whyUnreadable(delivery: Delivery, options: ValueOptions): Promise<string> {
  try {
    await valueReader(options)?.(new DeliveredMessage(toMsg(delivery)));
    return "";
  } catch (error) {
    if (error instanceof InvalidValueError) return error.message;
    throw error;
  }
}

/** What the server would deliver again. */
export function redeliveries(
  deliveries: readonly Delivery[],
  settlements: readonly TestSettlement[],
  { stream, copies }: { readonly stream: string; readonly copies: readonly SentMessage[] },
  maxDeliver: number = Number.POSITIVE_INFINITY,
): FakeMessage[] {
  const kinds = new Map(settlements.map(({ id, kind }) => [id, kind]));
  const isDone = ({ sequence }: Delivery): boolean =>
    ["ack", "reject", "dead-letter"].includes(kinds.get(`${stream}:${sequence}`) ?? "");
  const again = deliveries
    .filter((delivery) => !isDone(delivery) && delivery.deliveryCount < maxDeliver)
    .toSorted((a, b) => a.sequence - b.sequence)
    .map(({ subject, data, headers, sequence, deliveryCount, timestamp }) => {
      return { subject, data, headers, sequence, timestamp, deliveryCount: deliveryCount + 1 };
    });
  const copied = copies.map(({ subject, data, headers, sequence }) => {
    return { subject, data, headers, sequence, deliveryCount: 1 };
  });
  return [...again, ...copied];
}
