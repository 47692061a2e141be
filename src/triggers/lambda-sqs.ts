// SQS as the trigger of a Lambda function: its messages only say that there is work, and come again
// where the drain has to be tried again.
import type { Drain } from "../drain.ts";
import { type LambdaContext, runInLambda } from "./lambda-limit.ts";
import type { TriggerOptions } from "./limit.ts";
import { logFatal } from "./throw.ts";

/** What SQS invokes a function with, as far as it is used here. */
export interface SqsEvent {
  readonly Records: readonly { readonly messageId: string }[];
}

/** What SQS reads where the event source mapping has `ReportBatchItemFailures`. */
export interface SqsBatchResponse {
  batchItemFailures: { itemIdentifier: string }[];
}

/**
 * The handler of a Lambda function that an SQS queue invokes: one drain per batch. The batch is
 * deleted when the drain completed, and comes again after the queue's visibility timeout where
 * another try may help. It is deleted too where only an operator can help, since each retry would
 * fail alike: `onReport` hears of it, or else the log does. The event source mapping needs
 * `ReportBatchItemFailures`: without it SQS takes every batch for done.
 *
 * @example
 * export const handler = sqsHandler(orders);
 */
export function sqsHandler<Env>(
  drain: Drain<Env>,
  options: TriggerOptions<Env> = {},
): (event: SqsEvent, context: LambdaContext) => Promise<SqsBatchResponse> {
  // A console's test event has none.
  return async ({ Records = [] }, context) => {
    const report = await runInLambda(drain, context, options);
    logFatal(report, options.onReport);
    const again = report.outcome === "retryable" ? Records : [];
    return { batchItemFailures: again.map(({ messageId }) => ({ itemIdentifier: messageId })) };
  };
}
