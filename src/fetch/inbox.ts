// The drain's inbox: one subscription for all its pull requests. What comes is a delivery of the
// consumer, a status for one pull request, or somebody else's message, which is ignored: whoever
// may publish there could have sent it.
import type { Subscription } from "@nats-io/nats-core";
import type { Connection } from "../connection/connection.ts";
import { newInbox } from "../connection/inbox-name.ts";
import { isAckSubjectOf } from "../message/ack-subject.ts";
import { readHeaders } from "../message/headers.ts";
import type { RawMessage } from "../message/received.ts";

export interface InboxListener {
  deliver(msg: RawMessage): void;
  /** A status for the pull request with that inbox. */
  status(inbox: string, code: number, description: string): void;
  /** Neither. */
  foreign(msg: RawMessage): void;
  /** The user may not subscribe. */
  denied(subject: string): void;
}

export interface InboxName {
  readonly stream: string;
  readonly consumer: string;
  readonly inboxPrefix?: string | undefined;
}

export class Inbox {
  readonly #prefix: string;
  #subscription: Subscription | undefined;
  #count = 0;

  constructor(connection: Connection, { stream, consumer, inboxPrefix }: InboxName, listener: InboxListener) {
    this.#prefix = newInbox(inboxPrefix);
    const subject = `${this.#prefix}.*`;
    // It may have ended since it was opened; nats-core would throw.
    if (connection.nats.isClosed()) return;
    const callback = (error: Error | null): void => {
      if (error) listener.denied(subject);
    };
    this.#subscription = connection.nats.subscribe(subject, { callback });
    connection.own(this.#subscription, (msg) => {
      const { reply } = msg;
      const status = reply ? undefined : statusOf(msg);
      if (reply && isAckSubjectOf(reply, stream, consumer)) listener.deliver(msg);
      else if (status && msg.subject.startsWith(this.#prefix)) {
        listener.status(msg.subject, status.code, status.description);
      } else listener.foreign(msg);
    });
  }

  /** The inbox of the next pull request. */
  next(): string {
    this.#count += 1;
    return `${this.#prefix}.${this.#count}`;
  }

  /**
   * Takes no more. What the server had sent before it heard of it still comes: dropped, it would
   * wait for its ack wait.
   */
  close(): void {
    if (this.#subscription?.isClosed() === false) void this.#subscription.drain().catch(() => {});
  }
}

function statusOf(msg: RawMessage): { readonly code: number; readonly description: string } | undefined {
  const { code, description } = readHeaders(msg);
  return code > 0 ? { code, description } : undefined;
}
