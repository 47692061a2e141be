// One request and its answer, over a subscription of its own. nats-core's request reads the
// answer's headers in its callback, with a reader that throws, and then reads nothing more of the
// connection: one answer of a neighbour's could end a drain.
import {
  ClosedConnectionError,
  type Msg,
  type MsgHdrs,
  type NatsConnection,
  type Payload,
  TimeoutError,
} from "@nats-io/nats-core";
import { timer } from "../deadline.ts";
import { inboxPrefixOf, tellRequestSubject } from "../message/raw.ts";
import { newInbox } from "./inbox-name.ts";

export interface RequestOptions {
  readonly headers?: MsgHdrs;
  readonly timeoutMs: number;
}

/**
 * Resolves with the first answer, which may be the server's status that there are no responders.
 *
 * @throws {TimeoutError} when none came in time
 * @throws {ClosedConnectionError} when the connection ended meanwhile
 * @throws {PermissionViolationError} when the user may not publish to `subject`, or not subscribe
 * to the inbox
 */
export async function request(
  nats: NatsConnection,
  subject: string,
  data: Payload,
  { headers, timeoutMs }: RequestOptions,
): Promise<Msg> {
  const { promise, resolve, reject } = Promise.withResolvers<Msg>();
  const inbox = newInbox(inboxPrefixOf(nats));
  const callback = (error: Error | null, msg: Msg): void => (error ? reject(error) : resolve(msg));
  const subscription = nats.subscribe(inbox, { callback });
  tellRequestSubject(subscription, subject);
  void subscription.closed.then(() => reject(new ClosedConnectionError()));
  const late = timer(timeoutMs);
  void late.fired.then(() => reject(new TimeoutError()));
  try {
    nats.publish(subject, data, headers === undefined ? { reply: inbox } : { reply: inbox, headers });
    return await promise;
  } finally {
    late.cancel();
    promise.catch(() => {}); // publish() threw: nobody waits for it
    if (!subscription.isClosed()) subscription.unsubscribe();
  }
}
