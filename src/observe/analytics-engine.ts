// An observer that writes one data point for each drain to Workers Analytics Engine.
import type { Report } from "../report/report.ts";
import type { Observer } from "./observer.ts";

/** The part of Workers' `AnalyticsEngineDataset` that is used. */
export interface Dataset {
  /** Writes one row. Returns at once. */
  writeDataPoint(point: { indexes?: string[]; blobs?: string[]; doubles?: number[] }): void;
}

/**
 * Writes a data point for each drain. Index: `stream:consumer`, cut to the 96 bytes that an index
 * may have. Blobs: stream, consumer, outcome, reason. Doubles: total, connect and first message in
 * milliseconds (-1: there was none), fetched, acked, retried, rejected, dead-lettered, released,
 * exhausted, unconfirmed, pending (-1: not known).
 *
 * @example
 * defineDrain<Env>((env) => ({ ...options, observer: analyticsObserver(env.DRAINS) }));
 */
export function analyticsObserver(dataset: Dataset): Observer {
  return { report: (report) => dataset.writeDataPoint(dataPoint(report)) };
}

const MAX_INDEX_BYTES = 96;
const UNKNOWN = -1;

function dataPoint(report: Report): { indexes: string[]; blobs: string[]; doubles: number[] } {
  const { stream, consumer, timings } = report;
  return {
    indexes: [cut(`${stream}:${consumer}`)],
    blobs: [stream, consumer, report.outcome, report.reason],
    doubles: [
      timings.totalMs,
      timings.connectMs ?? UNKNOWN,
      timings.firstMessageMs ?? UNKNOWN,
      report.fetched,
      report.acked,
      report.retried,
      report.rejected,
      report.deadLettered,
      report.released,
      report.exhausted,
      report.unconfirmed,
      report.pending ?? UNKNOWN,
    ],
  };
}

function cut(text: string): string {
  const bytes = new TextEncoder().encode(text);
  // Half a character at the end is left out.
  return new TextDecoder().decode(bytes.subarray(0, MAX_INDEX_BYTES), { stream: true });
}
