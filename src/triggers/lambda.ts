/**
 * A drain as an AWS Lambda function that a schedule or an async event invokes.
 *
 * @module sluice/lambda
 */
import type { Drain } from "../drain.ts";
import type { Report } from "../report/report.ts";
import { type LambdaContext, runInLambda } from "./lambda-limit.ts";
import type { TriggerOptions } from "./limit.ts";
import { type ErrorMapping, orThrow } from "./throw.ts";

export type { LambdaContext } from "./lambda-limit.ts";
export { type SqsBatchResponse, type SqsEvent, sqsHandler } from "./lambda-sqs.ts";
export type { TriggerOptions } from "./limit.ts";
export { DrainError, DrainFatalError, DrainRetryableError, type ErrorMapping, orThrow } from "./throw.ts";

/** What {@link lambdaHandler} takes beside the drain. */
export interface LambdaOptions<Env> extends TriggerOptions<Env> {
  /** Errors to throw in place of these. @default the two errors of {@link orThrow} */
  readonly errors?: ErrorMapping | undefined;
}

/**
 * The handler of a Lambda function. The drain's limit is what Lambda has left, or `limitMs` where
 * that is less; its `env` is `process.env`. Lambda retries an async invocation that throws twice,
 * and Step Functions by the error's name.
 *
 * @throws {DrainRetryableError} another try may help
 * @throws {DrainFatalError} only an operator can help
 * @example
 * export const handler = lambdaHandler(orders);
 */
export function lambdaHandler<Env>(
  drain: Drain<Env>,
  options: LambdaOptions<Env> = {},
): (event: unknown, context: LambdaContext) => Promise<Report> {
  // Two parameters and no third: Lambda takes a third for a callback, and refuses the function when
  // it starts.
  return async (_event, context) => orThrow(await runInLambda(drain, context, options), options.errors);
}
