// What went wrong, as a reason: errors of the connection and of the JetStream API. Pure.
import {
  AuthorizationError,
  PermissionViolationError,
  type Status,
  UserAuthenticationExpiredError,
} from "@nats-io/nats-core";
import { type Ending, ending } from "../report/reasons.ts";
import { JetStreamError, NoJetStreamError } from "./jetstream.ts";
import { SocketError } from "./wire.ts";

/** Why a connection was not made. `cause` is the library's error, or the socket's, which knows more. */
export type ConnectFailure =
  | { readonly kind: "failed"; readonly cause: unknown }
  | { readonly kind: "timeout" }
  | { readonly kind: "aborted" };

/** What it means that there is no connection. */
export function classifyConnectFailure(failure: ConnectFailure, servers: string): Ending {
  switch (failure.kind) {
    case "aborted":
      return ending("aborted");
    case "timeout":
      return ending(
        "connect-timeout",
        `Check that ${servers} is nats-server's WebSocket listener and is alive.`,
      );
    case "failed":
      return classifyConnectError(failure.cause, servers);
    default:
      return failure satisfies never;
  }
}

function classifyConnectError(cause: unknown, servers: string): Ending {
  if (cause instanceof SocketError && (cause.status === 401 || cause.status === 403)) {
    return ending("unauthorized", `${servers}: ${describe(cause)}`);
  }
  if (cause instanceof SocketError && cause.misconfigured) {
    return ending("invalid-options", `${servers}: ${describe(cause)}`);
  }
  if (isAuthTimeout(cause)) {
    return ending("connect-timeout", `${servers}: ${describe(cause)} (\`timeout\` of its authorization).`);
  }
  return isAuthError(cause)
    ? ending("unauthorized", `${servers}: ${describe(cause)}`)
    : ending("connect-failed", `${servers}: ${describe(cause)}`);
}

/**
 * Why the connection ended during the drain. `shuttingDown`: the server had announced its shutdown
 * (lame duck mode).
 */
export function classifyConnectionLoss(error: unknown, shuttingDown: boolean): Ending {
  if (isAuthError(error)) return ending("unauthorized", describe(error));
  if (shuttingDown) return ending("server-shutdown");
  return ending("connection-lost", error === undefined ? "The server closed it." : describe(error));
}

/** Of a subscription too many: nats-server does not say which. */
export const ANY_SUBJECT = ">";

/** A violation of the user's permissions, with the subject to allow. */
export function classifyPermission({ operation, subject }: PermissionViolationError): Ending {
  return ending(
    "permission-denied",
    subject === ANY_SUBJECT
      ? "Allow the user more subscriptions (max_subscriptions, or its JWT)."
      : `Allow the user to ${operation === "publish" ? "publish" : "subscribe"} to "${subject}".`,
  );
}

/** The permission that `status` says is missing. */
export function deniedSubject(status: Status): PermissionViolationError | undefined {
  if (status.type !== "error") return undefined;
  const { error } = status;
  if (/maximum subscriptions/i.test(error.message))
    return new PermissionViolationError(error.message, "subscription", ANY_SUBJECT);
  return error instanceof PermissionViolationError ? error : undefined;
}

/** Why consumer info was refused; undefined when the error says nothing about the drain's fate. */
export function classifyInfoError(error: unknown, stream: string, consumer: string): Ending | undefined {
  if (error instanceof NoJetStreamError) {
    return ending("jetstream-unavailable", "Check that JetStream is enabled for this server and account.");
  }
  return error instanceof JetStreamError ? classifyApiError(error, stream, consumer) : undefined;
}

/** The same of an error of JetStream's API, by its number in nats-server's errors.json. */
export function classifyApiError(
  { code, message }: { readonly code: number; readonly message: string },
  stream: string,
  consumer: string,
): Ending | undefined {
  switch (code) {
    case 10014:
      return ending("consumer-not-found", `Stream "${stream}", consumer "${consumer}".`);
    case 10059:
      return ending("stream-not-found", `Stream "${stream}".`);
    // JetStream system temporarily unavailable; insufficient resources; not enabled for the
    // account, or at all.
    case 10008:
    case 10023:
    case 10039:
    case 10076:
      return ending("jetstream-unavailable", `The server said: ${message}.`);
    default:
      return undefined;
  }
}

/** Whether the server refused the credentials: at once, or when they expired or were revoked. */
export function isAuthError(error: unknown): boolean {
  if (isAuthTimeout(error)) return false;
  return (
    error instanceof AuthorizationError ||
    error instanceof UserAuthenticationExpiredError ||
    // Which nats-core has no error of its own for.
    (error instanceof Error && /authentication revoked/i.test(error.message))
  );
}

/**
 * Whether the server gave up waiting for the credentials, which nats-core tells as a refusal: a slow
 * link, or a busy server, and the next try may be in time.
 */
function isAuthTimeout(error: unknown): boolean {
  return error instanceof AuthorizationError && /authentication timeout/i.test(error.message);
}

/** An error in a sentence, with the code or cause that says more than its text. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return withoutSecrets(String(error));
  const { message, cause } = error;
  const more = cause instanceof Error && !message.includes(cause.message) ? ` ${cause.message}` : "";
  return withoutSecrets(message + more).trim() || error.name;
}

/** Text of a runtime's, which may quote the address: without what stands before its @ and behind its ?. */
function withoutSecrets(text: string): string {
  return text.replace(/\b((?:wss?|https?):\/\/)(?:[^\s/'"@]*@)?([^\s?#'"]*)[^\s'"]*/gi, "$1$2");
}
