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
  /**
   * Whether an answer is one. Anybody who hears the subject may answer too, and sooner: what is none
   * is passed over, where one comes soon behind it. @default any is
   */
  readonly accepts?: (msg: Msg) => boolean;
}

/** How long the right answer may come behind one that is none. */
const GRACE_MS = 300;

/**
 * Resolves with the first answer, which may be the server's status that there are no responders, or
 * with one that is none where no other comes.
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
  { headers, timeoutMs, accepts = () => true }: RequestOptions,
): Promise<Msg> {
  const { promise, resolve, reject } = Promise.withResolvers<Msg>();
  const inbox = newInbox(inboxPrefixOf(nats));
  let grace: ReturnType<typeof timer> | undefined;
  const callback = (error: Error | null, msg: Msg): void => {
    if (error) reject(error);
    else if (accepts(msg)) resolve(msg);
    else if (!grace) {
      grace = timer(GRACE_MS);
      void grace.fired.then(() => resolve(msg));
    }
  };
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
    grace?.cancel();
    promise.catch(() => {}); // publish() threw: nobody waits for it
    if (!subscription.isClosed()) subscription.unsubscribe();
  }
}
