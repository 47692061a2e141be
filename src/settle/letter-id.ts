// The id under which a dead letter is published: one for each message and consumer, whichever delivery
// or drain gives it up, so that a drain that died before it could term the message leaves one dead
// letter and not two.
//
// Whoever may write to the stream of dead letters, and knew the id, could put junk there under it, and
// a drain whose user may not look would take that for its own. So the id is a code over what a
// stranger does not know, with a key that it does not have: see {@link LetterKey}.
import { DeliveredMessage, type Message } from "../message/message.ts";

/** What makes ids that nobody else can make. The same in every drain of one consumer and one user. */
export interface LetterKey {
  /**
   * The seed that the drain signs in with, which nobody else has. A password is none: who reads dead
   * letters could try its way to it.
   */
  readonly seed?: string | undefined;
  /** When the consumer was made, to the nanosecond: known to who may ask for consumer info. */
  readonly created?: string | undefined;
}

const ID_BYTES = 16;
const encoder = new TextEncoder();

/** The id. The message's own time in it tells a stream made anew from the old. */
export async function letterId(
  message: Message<unknown>,
  { seed = "", created = "" }: LetterKey,
): Promise<string> {
  const { consumer, id } = message;
  const time = message instanceof DeliveredMessage ? message.timestampNanos : message.timestamp.getTime();
  const hmac = { name: "HMAC", hash: "SHA-256" };
  // Never of no bytes, which WebCrypto refuses.
  const key = await crypto.subtle.importKey("raw", encoder.encode(`sluice ${seed}`), hmac, false, ["sign"]);
  const said = encoder.encode(JSON.stringify([consumer, id, String(time), created]));
  const code = new Uint8Array(await crypto.subtle.sign("HMAC", key, said)).subarray(0, ID_BYTES);
  const hex = Array.from(code, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return `sluice:${consumer}:${id}:${BigInt(`0x${hex}`)}`;
}
