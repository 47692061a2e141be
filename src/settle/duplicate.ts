// Whether a duplicate that a stream tells of is ours: the message that it has under the id is the
// one to be published.
import { PermissionViolationError } from "@nats-io/nats-core";
import { type Deadline, now } from "../deadline.ts";
import { copyHeaders, type HeaderMap } from "../message/headers.ts";
import type { PublishedIn, Publisher } from "./publish.ts";
import { readStored, staysAsItIs } from "./stored.ts";

/** A dead letter to be published. */
export interface DeadLetter {
  readonly subject: string;
  readonly id: string;
  readonly headers: HeaderMap;
  readonly data: Uint8Array;
  /** Whether it is of the message's first delivery: no drain can have published it before. */
  readonly isFirst: boolean;
}

const ASK_MS = 1_000;

/**
 * Where the user may not read the stream, a dead letter of a first delivery cannot be there yet,
 * and any other is taken for ours: else every drain that was cut off at the wrong moment would leave two.
 * Never rejects.
 */
export async function isStored(
  publisher: Publisher,
  letter: DeadLetter,
  ack: PublishedIn,
  deadline: Deadline,
): Promise<boolean> {
  try {
    const { nats } = await publisher.connection();
    const timeoutMs = Math.min(ASK_MS, deadline - now());
    const stored = await readStored(nats, ack, timeoutMs);
    if (!staysAsItIs(stored) || stored.subject !== letter.subject) return false;
    return same(letter.data, stored.data) && same(told(letter.headers), told(stored.headers));
  } catch (error) {
    return error instanceof PermissionViolationError && (!letter.isFirst || ack.attempts > 1);
  }
}

/** What differs between two deaths of one message. */
const OF_ONE_DEATH = /^(nats-.*|sluice-(deliveries|reason|time))$/i;

function told(headers: HeaderMap): Uint8Array {
  return copyHeaders(headers, (name) => !OF_ONE_DEATH.test(name)).encode();
}

/** Whether both have the same bytes. */
export function same(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}
