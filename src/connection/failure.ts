// What went wrong, as a reason: statuses of a pull request, errors of the connection and of the JetStream API. Pure.
import {
  AuthorizationError,
  PermissionViolationError,
  type Status,
  UserAuthenticationExpiredError,
} from "@nats-io/nats-core";
import { type Ending, ending } from "../report/reasons.ts";
import { JetStreamError, NoJetStreamError } from "./jetstream.ts";
import { SocketError } from "./wire.ts";

/** How a Fetch ended: cleanly, or with the ending it gives the drain. */
export type FetchEnd =
  | { readonly kind: "empty" }
  | { readonly kind: "batch-full" }
  | { readonly kind: "max-wait" }
  /** The drain stopped it: its time was up, or its caller aborted. */
  | { readonly kind: "stopped" }
  | { readonly kind: "failed"; readonly ending: Ending };

/** A status message on the pull's inbox, and what the Fetch knew when it came. */
export interface PullStatus {
  readonly code: number;
  readonly description: string;
  readonly fill: boolean;
  /** Deliveries of this Fetch so far. */
  readonly delivered: number;
}

const failed = (...args: Parameters<typeof ending>): FetchEnd => ({
  kind: "failed",
  ending: ending(...args),
});

/** What a status ends the Fetch with; undefined for a heartbeat, which ends nothing. The codes are ADR-37's and nats-server's. */
export function classifyStatus({ code, description, fill, delivered }: PullStatus): FetchEnd | undefined {
  const said = `The server said: ${code} ${description}.`;
  switch (code) {
    case 100:
      return undefined;
    case 404:
      return { kind: "empty" };
    case 408:
      return { kind: fill ? "max-wait" : "empty" };
    case 400:
      return failed("bad-request", said);
    case 423:
      return failed("limit-exceeded", `Another client of the priority group holds the pin. ${said}`);
    case 503:
      return failed(
        "jetstream-unavailable",
        "No responders: check that JetStream is enabled for this account.",
      );
    case 409:
      return classifyConflict(description.toLowerCase(), said, delivered);
    default:
      return failed("bad-request", said);
  }
}

function classifyConflict(description: string, said: string, delivered: number): FetchEnd {
  const has = (words: string): boolean => description.includes(words);
  if (has("batch completed")) return { kind: "batch-full" };
  // After some messages it means that the byte budget is used up; as the first answer, that it can never be met.
  if (has("exceeds maxbytes"))
    return delivered > 0 ? { kind: "batch-full" } : failed("message-too-large", said);
  if (has("consumer deleted") || has("stream deleted")) return failed("consumer-deleted", said);
  if (has("leadership change")) return failed("leadership-changed", said);
  if (has("server shutdown")) return failed("server-shutdown", said);
  if (has("push based")) return failed("not-a-pull-consumer", said);
  if (has("exceeded maxwaiting")) return failed("limit-exceeded", said);
  // The consumer's configuration forbids what was asked.
  if (has("maxrequestbatch")) return failed("bad-request", `Lower \`batch\`. ${said}`);
  if (has("maxrequestexpires")) return failed("bad-request", `Lower \`maxWaitMs\`. ${said}`);
  if (has("maxrequestmaxbytes")) return failed("bad-request", `Lower \`maxBytes\`. ${said}`);
  return failed("bad-request", said);
}

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
    return ending("unauthorized", `${servers}: ${cause.message}`);
  }
  return isAuthError(cause)
    ? ending("unauthorized", `${servers}: ${describe(cause)}`)
    : ending("connect-failed", `${servers}: ${describe(cause)}`);
}

/** Why the connection ended during the drain. `shuttingDown`: the server had announced its shutdown (lame duck mode). */
export function classifyConnectionLoss(error: unknown, shuttingDown: boolean): Ending {
  if (isAuthError(error)) return ending("unauthorized", describe(error));
  if (shuttingDown) return ending("server-shutdown");
  return ending("connection-lost", error === undefined ? "The server closed it." : describe(error));
}

/** A violation of the user's permissions, with the subject to allow. */
export function classifyPermission(error: PermissionViolationError): Ending {
  return ending(
    "permission-denied",
    `Allow the user to ${error.operation === "publish" ? "publish" : "subscribe"} to "${error.subject}".`,
  );
}

/** The permission that `status` says is missing. */
export function deniedSubject(status: Status): PermissionViolationError | undefined {
  return status.type === "error" && status.error instanceof PermissionViolationError
    ? status.error
    : undefined;
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
    // JetStream system temporarily unavailable; insufficient resources; not enabled for the account, or at all.
    case 10008:
    case 10023:
    case 10039:
    case 10076:
      return ending("jetstream-unavailable", `The server said: ${message}.`);
    default:
      return undefined;
  }
}

/** Whether the server refused the credentials, at once or when they expired. */
export function isAuthError(error: unknown): boolean {
  return error instanceof AuthorizationError || error instanceof UserAuthenticationExpiredError;
}

/** An error in a sentence, with the code or cause that says more than its text. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? error.cause : undefined;
  const parts = [error.message, cause?.message].filter((part, at, all) => part && all.indexOf(part) === at);
  return parts.join(" ") || error.name;
}
