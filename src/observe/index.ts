/**
 * What a drain's observer may be, beside one's own, and a drain's history.
 *
 * @module sluice/observe
 */
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
