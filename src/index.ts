/**
 * One bounded drain of a JetStream pull consumer: {@link defineDrain}, what a handler returns
 * ({@link ack}, {@link retry}, {@link reject}), the {@link Report}, and their types.
 *
 * @module sluice
 */
export { type Budget, type BudgetOptions, LimitTooSmallError, MIN_LIMIT_MS, planBudget } from "./budget.ts";
export type { InvalidOption } from "./checks.ts";
export type { Auth, Servers } from "./connection/login.ts";
export type { Fetcher, SocketOptions } from "./connection/wire.ts";
export {
  type Drain,
  defineDrain,
  type Limit,
  type OptionsSource,
  type RunExtras,
  type RunInput,
  type WithEnv,
} from "./drain.ts";
export type { Backlog } from "./fetch/backlog.ts";
export type { PriorityGroup } from "./fetch/pull-request.ts";
export type { BatchHandler, BatchResult } from "./handle/batch-pool.ts";
export type { Handler, HandlerContext, HandlerResult } from "./handle/handler.ts";
export type { HttpResponse } from "./handle/http-response.ts";
export {
  type QueueBatch,
  type QueueConsumer,
  type QueueContext,
  type QueueHandlerOptions,
  type QueueMessage,
  type QueueRetryOptions,
  queueHandler,
} from "./handle/queue-handler.ts";
export type { CloudEvent } from "./message/cloud-event.ts";
export type { MessageHeaders } from "./message/headers.ts";
export type { Message } from "./message/message.ts";
export type { Operation } from "./message/operation.ts";
export type { Codec, CodecValues } from "./message/value.ts";
export type { HistoryOptions } from "./observe/history.ts";
export type { MessageEnd, ObservedMessage, Observer } from "./observe/observer.ts";
export {
  DEFAULTS,
  type DrainHandlers,
  type DrainOptions,
  type DrainSettings,
  type HandlesBatch,
  type HandlesOne,
} from "./options.ts";
export type { MergedReport } from "./report/merge.ts";
export { type Outcome, REASONS, type Reason, type ReasonEntry } from "./report/reasons.ts";
export type { Counts, DeadLetters, Finding, Report, Timings } from "./report/report.ts";
export type { DeadLetterOptions } from "./settle/dead-letter.ts";
export type { Publish, Published, PublishOptions } from "./settle/publish.ts";
export { PublishError } from "./settle/publish-error.ts";
export {
  type AckSettlement,
  ack,
  exponentialDelay,
  RejectError,
  type RejectSettlement,
  type RetryDelay,
  RetryError,
  type RetrySettlement,
  reject,
  retry,
  type Settlement,
} from "./settle/settlement.ts";
