// Statuses and errors, as nats-server and nats-core word them, against the reasons they mean.
import {
  AuthorizationError,
  ConnectionError,
  PermissionViolationError,
  UserAuthenticationExpiredError,
} from "@nats-io/nats-core";
import { describe, expect, it } from "vitest";
import {
  classifyConnectFailure,
  classifyConnectionLoss,
  classifyInfoError,
  classifyPermission,
} from "../src/connection/failure.ts";
import { JetStreamError, NoJetStreamError } from "../src/connection/jetstream.ts";
import { SocketError } from "../src/connection/wire.ts";
import { classifyStatus, type PullStatus } from "../src/fetch/status.ts";
import type { Ending, Reason } from "../src/report/reasons.ts";

describe("a status on the pull's inbox", () => {
  const status = (code: number, description: string, known: Partial<PullStatus> = {}): PullStatus => ({
    code,
    description,
    fill: false,
    delivered: 0,
    ...known,
  });
  const outcomeOf = (end: Ending | undefined): string => `${end?.reason}`;

  const clean: [status: PullStatus, kind: Reason][] = [
    [status(404, "No Messages"), "empty"],
    [status(404, "No Messages", { delivered: 3 }), "empty"],
    [status(404, "No Messages", { fill: true }), "empty"],
    [status(408, "Request Timeout"), "empty"],
    [status(408, "Request Timeout", { delivered: 3 }), "empty"],
    [status(408, "Request Timeout", { fill: true }), "max-wait"],
    [status(408, "Interest Expired"), "empty"],
    [status(409, "Batch Completed", { delivered: 3 }), "batch-full"],
    [status(409, "Message Size Exceeds MaxBytes", { delivered: 3 }), "batch-full"],
  ];
  it.each(clean)("ends the Fetch cleanly: %j is %s", (given, kind) => {
    expect(classifyStatus(given)?.reason).toBe(kind);
  });

  const failures: [code: number, description: string, reason: Reason][] = [
    [400, "Bad Request - heartbeat value too large", "bad-request"],
    [409, "Consumer Deleted", "consumer-deleted"],
    [409, "Stream Deleted", "consumer-deleted"],
    [409, "Leadership Change", "leadership-changed"],
    [409, "Server Shutdown", "server-shutdown"],
    [409, "Message Size Exceeds MaxBytes", "message-too-large"],
    [409, "Exceeded MaxWaiting", "limit-exceeded"],
    [409, "Exceeded MaxRequestBatch of 10", "bad-request"],
    [409, "Exceeded MaxRequestExpires of 1s", "bad-request"],
    [409, "Exceeded MaxRequestMaxBytes of 10", "bad-request"],
    [409, "Consumer is push based", "not-a-pull-consumer"],
    [412, "Precondition Failed", "bad-request"],
    [423, "Nats-Wrong-Pin-Id", "limit-exceeded"],
    [503, "", "jetstream-unavailable"],
  ];
  it.each(failures)("fails the Fetch: %i %j is %s", (code, description, reason) => {
    expect(outcomeOf(classifyStatus(status(code, description)))).toBe(reason);
  });

  it.each(failures.filter(([code]) => code !== 503))(
    "is quoted for the operator: %i %j",
    (code, description) => {
      expect(classifyStatus(status(code, description))).toMatchObject({
        message: expect.stringContaining(`${code} ${description}`),
      });
    },
  );

  it("says which option to lower when it is over the consumer's limit", () => {
    expect(classifyStatus(status(409, "Exceeded MaxRequestMaxBytes of 10"))).toMatchObject({
      message: expect.stringContaining("Lower `maxBytes`."),
    });
  });

  it("is read whatever its case, for that has changed between servers", () => {
    expect(outcomeOf(classifyStatus(status(409, "CONSUMER DELETED")))).toBe("consumer-deleted");
    expect(outcomeOf(classifyStatus(status(409, "leadership change")))).toBe("leadership-changed");
  });

  it.each(["Idle Heartbeat", "FlowControl Request"])(
    "ends nothing when it is a heartbeat: 100 %s",
    (description) => {
      expect(classifyStatus(status(100, description))).toBeUndefined();
    },
  );
});

describe("an error of consumer info", () => {
  const api = (err_code: number, description: string): JetStreamError =>
    new JetStreamError({ err_code, description });
  const named = (name: string): Error => Object.assign(new Error("jetstream is not enabled"), { name });

  const table: [error: unknown, reason: Reason | undefined, detail: string][] = [
    [api(10014, "consumer not found"), "consumer-not-found", 'Stream "ORDERS", consumer "billing".'],
    [api(10059, "stream not found"), "stream-not-found", 'Stream "ORDERS".'],
    [
      api(10008, "JetStream system temporarily unavailable"),
      "jetstream-unavailable",
      "temporarily unavailable",
    ],
    [api(10023, "insufficient resources"), "jetstream-unavailable", "insufficient resources"],
    [api(10076, "JetStream not enabled"), "jetstream-unavailable", "JetStream not enabled"],
    [new NoJetStreamError(undefined), "jetstream-unavailable", "server and account"],
  ];
  it.each(table)("explains the drain: %s is %s", (error, reason, detail) => {
    expect(classifyInfoError(error, "ORDERS", "billing")).toEqual({
      reason,
      message: expect.stringContaining(detail),
    });
  });

  it.each([api(10001, "rollup not permitted"), named("TimeoutError"), new Error("no"), "no", undefined])(
    "says nothing about the drain when it is %s",
    (error) => {
      expect(classifyInfoError(error, "ORDERS", "billing")).toBeUndefined();
    },
  );
});

describe("a connection that was not made", () => {
  const SERVERS = "wss://nats.example.com";
  const upgrade = (status: number): SocketError =>
    new SocketError(`the upgrade was answered ${status}`, { status });
  const table: [cause: unknown, reason: Reason, said: string][] = [
    [upgrade(401), "unauthorized", "answered 401"],
    [upgrade(403), "unauthorized", "answered 403"],
    [upgrade(404), "connect-failed", "answered 404"],
    [upgrade(502), "connect-failed", "answered 502"],
    [new SocketError("closed"), "connect-failed", "closed"],
    [
      new SocketError("fetch failed", { cause: new Error("ECONNREFUSED") }),
      "connect-failed",
      "fetch failed ECONNREFUSED",
    ],
    [new SocketError("refused", { cause: new Error("refused") }), "connect-failed", ": refused"],
    [new AuthorizationError("Authorization Violation"), "unauthorized", "Authorization Violation"],
    [new AuthorizationError("Authentication Timeout"), "connect-timeout", "of its authorization)."],
    [new UserAuthenticationExpiredError("User Authentication Expired"), "unauthorized", "Expired"],
    [new ConnectionError("connection refused"), "connect-failed", "connection refused"],
    [new RangeError(""), "connect-failed", "RangeError"],
    ["no reason", "connect-failed", "no reason"],
  ];
  it.each(table)("for %s is %s", (cause, reason, said) => {
    const end = classifyConnectFailure({ kind: "failed", cause }, SERVERS);
    expect(end).toEqual({ reason, message: expect.stringContaining(`${SERVERS}: `) });
    expect(end.message.endsWith(said)).toBe(true);
  });

  it("is told without what the runtime quotes of the address's secrets", () => {
    const quoted = "WebSocket connection to 'wss://u:hunter2@nats.example.com/path?hunter2#hunter2' failed";
    for (const cause of [
      new SocketError(quoted),
      new SocketError("failed", { cause: new Error(quoted) }),
      quoted,
    ]) {
      const { message } = classifyConnectFailure({ kind: "failed", cause }, SERVERS);
      expect(message).toContain("to 'wss://nats.example.com/path' failed");
      expect(message).not.toContain("hunter2");
    }
  });

  it("in time is connect-timeout, and names the server to look at", () => {
    expect(classifyConnectFailure({ kind: "timeout" }, SERVERS)).toEqual({
      reason: "connect-timeout",
      message: expect.stringContaining(SERVERS),
    });
  });

  it("because the caller aborted is aborted", () => {
    expect(classifyConnectFailure({ kind: "aborted" }, SERVERS).reason).toBe("aborted");
  });
});

describe("a connection that ended during the drain", () => {
  const table: [error: Error | undefined, shuttingDown: boolean, reason: Reason, said: string][] = [
    [undefined, false, "connection-lost", "The server closed it."],
    [new Error("read ECONNRESET"), false, "connection-lost", "read ECONNRESET"],
    [undefined, true, "server-shutdown", ""],
    [new Error("read ECONNRESET"), true, "server-shutdown", ""],
    [new UserAuthenticationExpiredError("User Authentication Expired"), false, "unauthorized", "Expired"],
    [
      new AuthorizationError("Account Authentication Expired"),
      true,
      "unauthorized",
      "Account Authentication Expired",
    ],
  ];
  it.each(table)("with %s, shutdown announced %s, is %s", (error, shuttingDown, reason, said) => {
    expect(classifyConnectionLoss(error, shuttingDown)).toEqual({
      reason,
      message: expect.stringContaining(said),
    });
  });
});

it.each([
  ["publish", "publish"],
  ["subscription", "subscribe"],
] as const)("a denied %s tells the operator what to allow", (operation, verb) => {
  expect(classifyPermission(new PermissionViolationError("denied", operation, "a.b"))).toEqual({
    reason: "permission-denied",
    message: expect.stringContaining(`Allow the user to ${verb} to "a.b".`),
  });
});
