// The vars that are options of a drain, checked as a drain checks them: one that is wrong ends each run of
// the Worker as invalid-options.
import { checkWholeNumber, isInvalidOption } from "../../checks.ts";
import { type DrainSettings, defineDrain, MIN_LIMIT_MS } from "../../index.ts";
import type { Environment } from "../login.ts";
import { UsageError } from "../usage.ts";
import { NAME } from "./diagnosis.ts";

/** The Worker's own bounds. */
const MAX_LIMIT_MS = 900_000;
const MAX_DRAINS = 32;

/** @throws {UsageError} one is out of its range, or misses another; the message names the var */
export function checkVars(env: Environment): void {
  const number = (name: string): number | undefined => readNumber(env, name);
  const subject = env.DEAD_LETTER_SUBJECT;
  const maxDeliveries = number("MAX_DELIVERIES");
  if (maxDeliveries !== undefined && subject === undefined)
    throw new UsageError("DEAD_LETTER_SUBJECT is not set, and MAX_DELIVERIES needs it", NAME);
  try {
    checkWholeNumber("LIMIT_MS", number("LIMIT_MS"), MIN_LIMIT_MS, MAX_LIMIT_MS);
    checkWholeNumber("DRAINS", number("DRAINS"), 1, MAX_DRAINS);
    defineDrain({
      servers: "wss://localhost",
      stream: "STREAM",
      consumer: "consumer",
      batch: number("BATCH"),
      fetches: number("FETCHES"),
      concurrency: number("CONCURRENCY"),
      maxWaitMs: number("MAX_WAIT_MS"),
      until: env.UNTIL as DrainSettings["until"], // text yet; the option's check knows the words
      handlerTimeoutMs: number("HANDLER_TIMEOUT_MS"),
      stopAfterFailures: number("STOP_AFTER_FAILURES"),
      deadLetter: subject === undefined ? undefined : { subject, maxDeliveries },
      handler: () => {},
    });
  } catch (error) {
    if (!isInvalidOption(error)) throw error;
    throw new UsageError(`${varOf(error.option)} ${error.problem}`, NAME, { cause: error });
  }
}

/** @throws {UsageError} it is no whole number */
export function readNumber(env: Environment, name: string): number | undefined {
  const text = env[name];
  if (!text) return undefined;
  if (!/^\d{1,9}$/.test(text)) throw new UsageError(`${name} must be a whole number`, NAME);
  return Number(text);
}

/** `maxWaitMs` is MAX_WAIT_MS; what is no option is a var already. */
function varOf(option: string): string {
  if (option === option.toUpperCase()) return option;
  if (option === "deadLetter.maxDeliveries") return "MAX_DELIVERIES";
  return option.replace(/[A-Z.]/g, (letter) => `_${letter.replace(".", "")}`).toUpperCase();
}
