// Names of inboxes that nobody can guess: not from another of the same connection either, as nats-core's
// own, which count on from a random beginning. Who hears where one answer goes, as a subscriber of a
// dead-letter subject does, must not know where the messages come.

/** @param prefix one or more tokens. @default "_INBOX" */
export function newInbox(prefix: string | undefined = "_INBOX"): string {
  // 122 random bits; runtimes draw them in advance, for many at once.
  return `${prefix}.${crypto.randomUUID()}`;
}
