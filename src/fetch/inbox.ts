// What comes for a drain's pull requests, which share one subscription. It is a delivery of the
// consumer, a status for one pull request, or somebody else's message, which is ignored: whoever
// may publish there could have sent it.
import type { Connection } from "../connection/connection.ts";
import type { Inbox } from "../connection/inbox.ts";
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

interface ConsumerName {
  readonly stream: string;
  readonly consumer: string;
}

/** Tells what comes to `inbox` apart, from now on. */
export function listenTo(
  inbox: Inbox,
  connection: Connection,
  { stream, consumer }: ConsumerName,
  listener: InboxListener,
): void {
  connection.onDenied(({ subject }) => {
    if (subject === inbox.subject) listener.denied(subject);
  });
  inbox.receive = (msg) => {
    const { reply } = msg;
    if (reply && isAckSubjectOf(reply, stream, consumer)) {
      listener.deliver(msg);
      return;
    }
    const { subject } = msg;
    const status = reply ? undefined : statusOf(msg);
    if (status && inbox.has(subject)) listener.status(subject, status.code, status.description);
    else listener.foreign(msg);
  };
}

function statusOf(msg: RawMessage): { readonly code: number; readonly description: string } | undefined {
  const { code, description } = readHeaders(msg);
  return code > 0 ? { code, description } : undefined;
}
