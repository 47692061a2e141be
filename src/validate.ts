// The validation of a drain's options, which happens before anything else does.

import {
  checkKnown,
  checkMilliseconds,
  checkName,
  checkOneOf,
  checkSubject,
  checkTarget,
  checkType,
  checkWholeNumber,
  invalidOption,
  show,
} from "./checks.ts";
import { checkAuth, checkServers } from "./connection/login.ts";
import type { PriorityGroup } from "./fetch/pull-request.ts";
import { CODECS, type Codec } from "./message/value.ts";
import type { HistoryOptions } from "./observe/history.ts";
import type { DrainSettings } from "./options.ts";
import type { DeadLetterOptions } from "./settle/dead-letter.ts";

/** Options whose handlers may be anything yet. */
type UncheckedOptions = DrainSettings<Codec, unknown> & {
  readonly handler?: unknown;
  readonly batchHandler?: unknown;
};

type Check = (options: UncheckedOptions) => unknown;

/** The check of each option; there is none beside them. */
const CHECKS: Readonly<Record<keyof UncheckedOptions, Check>> = {
  servers: checkServers,
  auth: ({ auth }) => checkAuth(auth),
  stream: ({ stream }) => checkName("stream", stream),
  consumer: ({ consumer }) => checkName("consumer", consumer),
  handler: ({ handler, batchHandler }) => validateHandlers(handler, batchHandler),
  batchHandler: () => {},
  batch: ({ batch }) => checkWholeNumber("batch", batch, 1, 1_000_000),
  maxBytes: ({ maxBytes }) => checkWholeNumber("maxBytes", maxBytes, 1, Number.MAX_SAFE_INTEGER),
  prefetch: ({ prefetch }) => checkWholeNumber("prefetch", prefetch, 0, 1_000_000),
  fetches: ({ fetches }) => checkWholeNumber("fetches", fetches, 1, 1_000_000),
  concurrency: ({ concurrency }) => checkWholeNumber("concurrency", concurrency, 1, 10_000),
  maxWaitMs: ({ maxWaitMs }) => checkMilliseconds("maxWaitMs", maxWaitMs, 0),
  heartbeatMs: ({ heartbeatMs }) => checkMilliseconds("heartbeatMs", heartbeatMs, 50),
  pingIntervalMs: ({ pingIntervalMs }) => checkMilliseconds("pingIntervalMs", pingIntervalMs, 1_000),
  connectTimeoutMs: ({ connectTimeoutMs }) => checkMilliseconds("connectTimeoutMs", connectTimeoutMs, 1),
  settleTimeoutMs: ({ settleTimeoutMs }) => checkMilliseconds("settleTimeoutMs", settleTimeoutMs, 1),
  handlerTimeoutMs: ({ handlerTimeoutMs }) => checkMilliseconds("handlerTimeoutMs", handlerTimeoutMs, 1),
  stopAfterFailures: ({ stopAfterFailures: most }) =>
    checkWholeNumber("stopAfterFailures", most, 1, Number.MAX_SAFE_INTEGER),
  orderBy: ({ orderBy }) => checkType("orderBy", orderBy, "function"),
  until: ({ until }) => checkOneOf("until", until, ["empty", "limit"]),
  fill: ({ fill }) => checkType("fill", fill, "boolean"),
  confirm: ({ confirm }) => checkOneOf("confirm", confirm, ["server", "leader"]),
  codec: ({ codec }) => checkOneOf("codec", codec, Object.keys(CODECS)),
  schema: ({ schema }) => validateSchema(schema),
  isolatePublisher: ({ isolatePublisher }) => checkType("isolatePublisher", isolatePublisher, "boolean"),
  allowInsecure: ({ allowInsecure }) => checkType("allowInsecure", allowInsecure, "boolean"),
  priorityGroup: ({ priorityGroup }) => priorityGroup !== undefined && validatePriorityGroup(priorityGroup),
  retryDelay: ({ retryDelay }) => checkType("retryDelay", retryDelay, "function"),
  deadLetter: ({ deadLetter }) => deadLetter !== undefined && validateDeadLetter(deadLetter),
  onError: ({ onError }) => checkType("onError", onError, "function"),
  observer: ({ observer }) => validateObserver(observer),
  history: ({ history }) => history !== undefined && validateHistory(history),
  domain: ({ domain }) => domain !== undefined && checkName("domain", domain),
  inboxPrefix: ({ inboxPrefix }) => inboxPrefix !== undefined && checkSubject("inboxPrefix", inboxPrefix),
  headers: ({ headers }) => validateHeaders(headers),
  via: ({ via }) => validateVia(via),
  name: ({ name }) => checkType("name", name, "string"),
};

/**
 * Checks every option, so that a wrong one fails where it was written and not in a run.
 *
 * @throws {TypeError} an option is missing, of the wrong type, or not known
 * @throws {RangeError} a number is out of its range
 */
export function validateOptions(options: UncheckedOptions): void {
  if (typeof options !== "object" || options === null)
    throw invalidOption(TypeError, "options", "must be an object", show(options));
  checkKnown(options, Object.keys(CHECKS));
  for (const check of Object.values(CHECKS)) check(options);
}

function validateVia(via: unknown): void {
  if (via === undefined) return;
  // A binding of Workers may be a proxy, whose members are only there when asked for.
  const { fetch } = Object(via) as { fetch?: unknown };
  if (typeof fetch !== "function")
    throw invalidOption(TypeError, "via", "must have a fetch method, as a binding has");
}

function validateObserver(observer: unknown): void {
  if (observer === undefined) return;
  if (typeof observer !== "object" || observer === null)
    throw invalidOption(TypeError, "observer", "must be an object of methods", show(observer));
}

function validateHandlers(handler: unknown, batchHandler: unknown): void {
  if (handler !== undefined && batchHandler !== undefined)
    throw invalidOption(TypeError, "handler", "cannot be given together with batchHandler");
  if (batchHandler !== undefined) checkType("batchHandler", batchHandler, "function");
  else if (typeof handler !== "function")
    throw invalidOption(TypeError, "handler", "must be a function", show(handler));
}

function validateSchema(schema: unknown): void {
  if (schema === undefined) return;
  // ArkType's schemas are functions.
  const standard = typeof schema === "object" || typeof schema === "function" ? schema : undefined;
  if (!standard || !("~standard" in standard))
    throw invalidOption(
      TypeError,
      "schema",
      "must be a Standard Schema, as zod, valibot and arktype make them",
      show(schema),
    );
}

function validatePriorityGroup(group: PriorityGroup): void {
  if (typeof group !== "object" || group === null)
    throw invalidOption(TypeError, "priorityGroup", "must be { group, … }", show(group));
  checkKnown(group, ["group", "minPending", "minAckPending", "priority"], "priorityGroup.");
  checkName("priorityGroup.group", group.group);
  checkWholeNumber("priorityGroup.minPending", group.minPending, 1, Number.MAX_SAFE_INTEGER);
  checkWholeNumber("priorityGroup.minAckPending", group.minAckPending, 1, Number.MAX_SAFE_INTEGER);
  checkWholeNumber("priorityGroup.priority", group.priority, 0, 9);
}

function validateHeaders(headers: unknown): void {
  if (headers === undefined) return;
  if (typeof headers !== "object" || headers === null) {
    // A text may be a secret, so its kind is all that is told.
    const kind = typeof headers === "string" ? "a text" : show(headers);
    throw invalidOption(TypeError, "headers", "must be an object of names and values", kind);
  }
  for (const [name, value] of Object.entries(headers)) {
    // The value may be a secret, so the message does not hold it.
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name) || typeof value !== "string" || /[\r\n\0]/.test(value))
      throw invalidOption(
        TypeError,
        `headers.${name}`,
        "is not a header of HTTP: a name, and a value of one line",
      );
  }
}

function validateHistory(history: HistoryOptions): void {
  if (typeof history !== "object" || history === null)
    throw invalidOption(TypeError, "history", "must be { bucket }", show(history));
  checkKnown(history, ["bucket"], "history.");
  checkName("history.bucket", history.bucket);
}

function validateDeadLetter(deadLetter: DeadLetterOptions): void {
  if (typeof deadLetter !== "object" || deadLetter === null)
    throw invalidOption(TypeError, "deadLetter", "must be { subject, maxDeliveries }", show(deadLetter));
  checkKnown(deadLetter, ["subject", "maxDeliveries"], "deadLetter.");
  checkTarget("deadLetter.subject", deadLetter.subject);
  checkWholeNumber("deadLetter.maxDeliveries", deadLetter.maxDeliveries, 1, 1_000_000);
}
