// Every way a drain can end, as the fault suite causes it and as docs/reasons.md tells it. A cause that no test has, and
// a test whose cause is not here, fail the suite.
import type { Reason } from "../../src/index.ts";

export interface Fault {
  /** What happens to the drain. */
  readonly cause: string;
  /** What it ends with; several where servers of different versions answer differently, or two things race. */
  readonly reason: Reason | readonly Reason[];
  /** Set where no server at hand can be made to send it: a scripted one does. */
  readonly scripted?: true;
}

export const FAULTS = {
  "frozen-mid-fetch": { cause: "The server freezes during the Fetch", reason: "heartbeat-lost" },
  "frozen-mid-handling": {
    cause: "The server freezes while messages are handled",
    reason: "connection-lost",
  },
  "frozen-while-settling": { cause: "The server freezes before it has the acks", reason: "connection-lost" },
  "frozen-while-closing": { cause: "The server freezes while the drain closes", reason: "batch-full" },
  "killed-mid-fetch": { cause: "The server is killed during the Fetch", reason: "connection-lost" },
  "killed-mid-handling": {
    cause: "The server is killed while messages are handled",
    reason: "connection-lost",
  },
  "shut-down-mid-fetch": {
    cause: "The server shuts down during the Fetch",
    reason: ["server-shutdown", "connection-lost"],
  },
  "lame-duck-mid-fetch": {
    cause: "The server enters lame duck mode during the Fetch",
    reason: "server-shutdown",
  },
  "cut-mid-fetch": { cause: "The TCP connection is reset during the Fetch", reason: "connection-lost" },
  "cut-mid-handling": {
    cause: "The TCP connection is reset while messages are handled",
    reason: "connection-lost",
  },
  "half-open-mid-fetch": {
    cause: "The TCP connection goes half-open during the Fetch",
    reason: "heartbeat-lost",
  },
  "deaf-mid-fetch": { cause: "Nothing comes from the server any more", reason: "heartbeat-lost" },
  "mute-mid-handling": { cause: "Nothing reaches the server any more", reason: "connection-lost" },
  "slow-network": { cause: "Every packet takes 300 ms each way", reason: "empty" },
  "consumer-deleted-mid-fetch": {
    cause: "The consumer is deleted during the Fetch",
    reason: "consumer-deleted",
  },
  "stream-deleted-mid-fetch": { cause: "The stream is deleted during the Fetch", reason: "consumer-deleted" },
  "stream-deleted-between-pulls": {
    cause: "The stream is deleted between two pull requests",
    reason: "consumer-deleted",
  },
  "consumer-missing": { cause: "There is no such consumer", reason: "consumer-not-found" },
  "stream-missing": { cause: "There is no such stream", reason: "stream-not-found" },
  "ack-policy-none": {
    cause: "The consumer's ack policy is none, or all",
    reason: "unsupported-consumer",
  },
  "target-down": {
    cause: "So many handlers in a row fail (stopAfterFailures)",
    reason: "handlers-failing",
  },
  "consumer-deleted-mid-handling": {
    cause: "The consumer or its stream is deleted while messages are handled",
    reason: "consumer-deleted",
  },
  "out-of-deliveries": {
    cause: "A message fails its last delivery, and there is no dead letter (counted as `exhausted`)",
    reason: "empty",
  },
  "push-consumer": { cause: "The consumer pushes", reason: "not-a-pull-consumer" },
  "account-without-jetstream": { cause: "The account has no JetStream", reason: "jetstream-unavailable" },
  "server-without-jetstream": { cause: "The server has no JetStream", reason: "jetstream-unavailable" },
  "jetstream-disabled-mid-handling": {
    cause: "JetStream is taken from the account while messages are handled",
    reason: "jetstream-unavailable",
  },
  "connections-limited": {
    cause: "The server has as many connections as it may (max_connections)",
    reason: "connect-failed",
  },
  "wrong-password": { cause: "The password is wrong", reason: "unauthorized" },
  "auth-timeout": {
    cause: "The server's authentication timeout passes before it has the credentials",
    reason: "connect-timeout",
  },
  "wrong-token": { cause: "The token is wrong", reason: "unauthorized" },
  "expired-credentials": { cause: "The credentials have expired", reason: "unauthorized" },
  "credentials-expire": { cause: "The credentials expire during the Fetch", reason: "unauthorized" },
  "credentials-revoked": {
    cause: "The credentials are revoked during the Fetch",
    reason: "unauthorized",
    scripted: true,
  },
  "revoked-credentials": { cause: "The credentials were revoked", reason: "unauthorized" },
  "pull-denied": { cause: "The user may not publish pull requests", reason: "permission-denied" },
  "ack-denied": { cause: "The user may not publish acks", reason: "permission-denied" },
  "dead-letter-denied": {
    cause: "The user may not publish to the dead-letter subject",
    reason: "permission-denied",
  },
  "inbox-denied": { cause: "The user may not subscribe to inboxes", reason: "permission-denied" },
  "subscriptions-limited": {
    cause: "The user may have fewer subscriptions than a drain needs (max_subscriptions)",
    reason: "permission-denied",
  },
  "max-waiting-full": { cause: "Too many pull requests wait (max_waiting)", reason: "limit-exceeded" },
  "max-ack-pending-reached": {
    cause: "Too many messages wait for acks (max_ack_pending)",
    reason: "limit-exceeded",
  },
  "message-over-max-bytes": {
    cause: "The next message is larger than `maxBytes`",
    reason: "message-too-large",
  },
  "batch-over-limit": { cause: "`batch` is over the consumer's limit", reason: "bad-request" },
  "expires-over-limit": { cause: "`maxWaitMs` is over the consumer's limit", reason: "bad-request" },
  "bytes-over-limit": { cause: "`maxBytes` is over the consumer's limit", reason: "bad-request" },
  "paused-consumer": { cause: "The consumer is paused", reason: "empty" },
  "dns-failure": { cause: "The server's name does not resolve", reason: "connect-failed" },
  "refused-port": { cause: "Nothing listens at the address", reason: "connect-failed" },
  "silent-server": { cause: "Something accepts the connection and says nothing", reason: "connect-timeout" },
  "silent-websocket": {
    cause: "Something accepts the WebSocket and says nothing",
    reason: "connect-timeout",
  },
  "http-401": { cause: "A gateway answers HTTP 401", reason: "unauthorized" },
  "http-403": { cause: "A gateway answers HTTP 403", reason: "unauthorized" },
  "http-404": { cause: "A gateway answers HTTP 404", reason: "connect-failed" },
  "http-502": { cause: "A gateway answers HTTP 502", reason: "connect-failed" },
  "expired-certificate": { cause: "The server's certificate has expired", reason: "connect-failed" },
  "self-signed-certificate": { cause: "The server's certificate is self-signed", reason: "connect-failed" },
  "wrong-name-certificate": {
    cause: "The server's certificate is for another name",
    reason: "connect-failed",
  },
  "leader-killed": {
    cause: "The consumer's leader in a cluster is killed",
    reason: ["leadership-changed", "heartbeat-lost"],
  },
  "quorum-lost": {
    cause: "The stream has lost its quorum",
    reason: ["heartbeat-lost", "jetstream-unavailable", "leadership-changed"],
  },
  "leadership-change": { cause: "The consumer's leader steps down", reason: "leadership-changed" },
  "unknown-conflict": {
    cause: "The server answers 409 with a text that is not known",
    reason: "bad-request",
    scripted: true,
  },
  "unknown-status": {
    cause: "The server answers a status that is not known",
    reason: "bad-request",
    scripted: true,
  },
  "malformed-request": { cause: "The server answers 400", reason: "bad-request", scripted: true },
  "batch-completed": {
    cause: "The server answers 409 Batch Completed",
    reason: "batch-full",
    scripted: true,
  },
} as const satisfies Record<string, Fault>;

export type FaultId = keyof typeof FAULTS;

/** The reasons that the fault may end with. */
export function reasonsOf(id: FaultId): readonly Reason[] {
  const { reason }: Fault = FAULTS[id];
  return typeof reason === "string" ? [reason] : reason;
}
