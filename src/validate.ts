// The validation of a drain's options, which happens before anything else does.

import {
  checkMilliseconds,
  checkName,
  checkOneOf,
  checkSubject,
  checkType,
  checkWholeNumber,
  invalidOption,
  show,
} from "./checks.ts";
import { checkAuth, checkServers } from "./connection/login.ts";
import type { PriorityGroup } from "./fetch/pull-request.ts";
import { CODECS, type Codec } from "./message/codec.ts";
import type { DrainSettings } from "./options.ts";
import type { DeadLetterOptions } from "./settle/dead-letter.ts";

/** Options whose handlers may be anything yet. */
type UncheckedOptions = DrainSettings<Codec, unknown> & {
  readonly handler?: unknown;
  readonly batchHandler?: unknown;
};

/**
 * Checks every option, so that a wrong one fails where it was written and not in a run.
 *
 * @throws {TypeError} an option is missing or of the wrong type
 * @throws {RangeError} a number is out of its range
 */
export function validateOptions(options: UncheckedOptions): void {
  if (typeof options !== "object" || options === null)
    throw invalidOption(TypeError, "options", "must be an object", show(options));
  checkServers(options);
  checkAuth(options.auth);
  checkName("stream", options.stream);
  checkName("consumer", options.consumer);
  validateHandlers(options.handler, options.batchHandler);
  checkWholeNumber("batch", options.batch, 1, 1_000_000);
  checkWholeNumber("maxBytes", options.maxBytes, 1, Number.MAX_SAFE_INTEGER);
  checkWholeNumber("fetches", options.fetches, 1, 1_000_000);
  checkWholeNumber("concurrency", options.concurrency, 1, 10_000);
  checkMilliseconds("maxWaitMs", options.maxWaitMs, 0);
  checkMilliseconds("heartbeatMs", options.heartbeatMs, 50);
  checkMilliseconds("connectTimeoutMs", options.connectTimeoutMs, 1);
  checkMilliseconds("settleTimeoutMs", options.settleTimeoutMs, 1);
  checkMilliseconds("handlerTimeoutMs", options.handlerTimeoutMs, 1);
  checkType("orderBy", options.orderBy, "function");
  checkOneOf("until", options.until, ["empty", "limit"]);
  checkWholeNumber("stopAfterFailures", options.stopAfterFailures, 1, Number.MAX_SAFE_INTEGER);
  if (options.history !== undefined) checkName("history.bucket", options.history?.bucket);
  checkType("allowInsecure", options.allowInsecure, "boolean");
  checkType("isolatePublisher", options.isolatePublisher, "boolean");
  checkOneOf("codec", options.codec, Object.keys(CODECS));
  checkOneOf("confirm", options.confirm, ["server", "leader"]);
  validateSchema(options.schema);
  if (options.priorityGroup !== undefined) validatePriorityGroup(options.priorityGroup);
  checkType("fill", options.fill, "boolean");
  checkType("retryDelay", options.retryDelay, "function");
  checkType("onError", options.onError, "function");
  checkType("name", options.name, "string");
  if (options.domain !== undefined) checkName("domain", options.domain);
  if (options.inboxPrefix !== undefined) checkSubject("inboxPrefix", options.inboxPrefix);
  validateHeaders(options.headers);
  if (options.via !== undefined && typeof options.via?.fetch !== "function")
    throw invalidOption(TypeError, "via", "must have a fetch method, as a binding has");
  if (options.deadLetter !== undefined) validateDeadLetter(options.deadLetter);
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
  checkName("priorityGroup.group", group.group);
  checkWholeNumber("priorityGroup.minPending", group.minPending, 1, Number.MAX_SAFE_INTEGER);
  checkWholeNumber("priorityGroup.minAckPending", group.minAckPending, 1, Number.MAX_SAFE_INTEGER);
  checkWholeNumber("priorityGroup.priority", group.priority, 0, 9);
}

function validateHeaders(headers: unknown): void {
  if (headers === undefined) return;
  if (typeof headers !== "object" || headers === null)
    throw invalidOption(
      TypeError,
      "headers",
      `must be an object of names and values, not a ${typeof headers}`,
    );
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

function validateDeadLetter(deadLetter: DeadLetterOptions): void {
  if (typeof deadLetter !== "object" || deadLetter === null)
    throw invalidOption(TypeError, "deadLetter", "must be { subject, maxDeliveries }", show(deadLetter));
  checkSubject("deadLetter.subject", deadLetter.subject);
  checkWholeNumber("deadLetter.maxDeliveries", deadLetter.maxDeliveries, 1, 1_000_000);
}
