/**
 * What a drain's observer may be, beside one's own, a drain's history, and what is wrong with a consumer
 * before a drain meets it.
 *
 * @module sluice/observe
 */

export {
  type ConsumerConfigFacts,
  type PreflightPlan,
  preflight,
  type StorageFacts,
} from "../report/preflight.ts";
export { type ConsumerInfoLike, consumerFacts } from "../report/preflight-info.ts";
export { analyticsObserver, type Dataset } from "./analytics-engine.ts";
export {
  type HistoryEntry,
  type HistoryKey,
  type HistoryOptions,
  historyEntry,
  historySubject,
  type LastRecord,
  writeHistory,
} from "./history.ts";
export { type History, readHistory, readWholeHistory } from "./history-read.ts";
export { type LogLevel, type LogLine, logObserver } from "./log.ts";
export type { MessageEnd, ObservedMessage, Observer } from "./observer.ts";
export { type ConsumerState, PROMETHEUS_TYPE, prometheus } from "./prometheus.ts";
export type { Result, Totals } from "./totals.ts";
export { type Tracing, type TracingSpan, tracingObserver } from "./workers-tracing.ts";
