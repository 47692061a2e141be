// Names of inboxes that nobody can guess: not from another of the same connection either, as nats-core's
// own, which count on from a random beginning. Who hears where one answer goes, as a subscriber of a
// dead-letter subject does, must not know where the messages come.

const LENGTH = 22; // of 6 bits each: more than 128
const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** @param prefix one or more tokens. @default "_INBOX" */
export function newInbox(prefix: string | undefined = "_INBOX"): string {
  const random = crypto.getRandomValues(new Uint8Array(LENGTH));
  return `${prefix}.${Array.from(random, (byte) => LETTERS.charAt(byte & 63)).join("")}`;
}
