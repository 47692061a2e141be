// The public face of `sluice`.

export type { BatchHandler, BatchResult } from "./batch.ts";
export { type Budget, type BudgetOptions, LEAST_LIMIT_MS, LimitTooSmallError, planBudget } from "./budget.ts";
export { type InvalidOption, invalidOption } from "./checks.ts";
export type { CloudEvent } from "./cloud-event.ts";
export type { Codec, CodecValues } from "./codec.ts";
export type { DeadLetterOptions } from "./dead-letter.ts";
export {
  type Drain,
  defineDrain,
  type Limit,
  type OptionsSource,
  type RunExtras,
  type RunInput,
  runInput,
  type WithEnv,
} from "./drain.ts";
export type { Handler, HandlerContext } from "./handle.ts";
export type { Message } from "./message.ts";
export {
  type Auth,
  DEFAULTS,
  type DrainHandlers,
  type DrainOptions,
  type DrainSettings,
  type PriorityGroup,
  type Servers,
} from "./options.ts";
export { type Publish, PublishError, type Published, type PublishOptions } from "./publish.ts";
export {
  type QueueBatch,
  type QueueConsumer,
  type QueueContext,
  type QueueHandlerOptions,
  type QueueMessage,
  type QueueRetryOptions,
  queueHandler,
} from "./queue-handler.ts";
export { type Counts, type Finding, type Outcome, REASONS, type Reason, type Report, type Timings } from "./report.ts";
export {
  ack,
  exponentialDelay,
  RejectError,
  type RetryDelay,
  RetryError,
  reject,
  retry,
  type Settlement,
} from "./settlement.ts";
export type { Fetcher, SocketOptions } from "./socket.ts";
