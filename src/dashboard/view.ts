// What the dashboard shows, asked of nats-server over a connection of its own, that ends with the page.
import type { NatsConnection } from "@nats-io/nats-core";
import { connect } from "../connection/connect.ts";
import { classifyInfoError } from "../connection/failure.ts";
import { type Deadline, now } from "../deadline.ts";
import type { DrainSettings } from "../index.ts";
import { askConsumer } from "../observe/consumer-info.ts";
import { evidence } from "../observe/evidence.ts";
import { type History, readWholeHistory } from "../observe/history-read.ts";
import type { ConsumerCounts } from "../observe/known.ts";
import { missingConsumer, missingStream } from "../observe/missing.ts";
import { consumerNames, streamNames } from "../observe/names.ts";
import { readStreamState, type StreamState } from "../observe/stream-state.ts";
import { explainConnectFailure } from "../observe/unreachable.ts";
import type { Finding, Report } from "../report/report.ts";
import type { View } from "./page.tsx";

/** Longest wait for a page's facts, in milliseconds. */
const VIEW_MS = 5_000;
const NO_HISTORY: History = { reports: [], totals: undefined };

/**
 * Asks for the consumer's state and, where the drain keeps a `history`, for its last reports. Never
 * rejects for the outside world: what cannot be had is told in the view's `problem`.
 *
 * @param settings the drain's own options, which `defineDrain` has checked
 * @example
 * const view = (env: Env) => readView({ ...options, servers: env.NATS_URL, history: { bucket: "drains" } });
 */
export async function readView(settings: DrainSettings): Promise<View> {
  const { stream, consumer, name = "sluice-dashboard" } = settings;
  const deadline = now() + VIEW_MS;
  const connecting = await connect({ ...settings, name }, deadline, new AbortController().signal);
  if (connecting.kind !== "connected") {
    const { message, reason: code, mend } = explainConnectFailure(connecting, settings, Date.now());
    const findings = mend === undefined ? [] : [{ code, message: "To see what answers there:", mend }];
    return { stream, consumer, reports: [], problem: message, findings };
  }
  const { connection } = connecting;
  try {
    return await readFacts(connection.nats, settings, deadline);
  } finally {
    await connection.close();
  }
}

async function readFacts(nats: NatsConnection, settings: DrainSettings, deadline: Deadline): Promise<View> {
  const { stream, consumer } = settings;
  const [answer, history] = await Promise.allSettled([
    askConsumer(nats, settings, deadline - now()),
    lastReports(nats, settings, deadline),
  ]);
  const known = {
    stream,
    consumer,
    ...(history.status === "fulfilled" ? history.value : NO_HISTORY),
    keepsHistory: settings.history !== undefined,
  };
  if (answer.status === "fulfilled") {
    const { facts, counts: state } = answer.value;
    const targetIsDown = known.reports.at(-1)?.reason === "handlers-failing";
    const findings = evidence({
      facts,
      counts: state,
      reports: known.reports,
      targetIsDown,
      held: await whatItHas(nats, settings, state),
      pullsByGroup: settings.priorityGroup !== undefined,
    });
    return { ...known, state, findings };
  }
  const { reason } = answer;
  const why = reason instanceof Error ? reason.message : "nothing answered";
  const findings = await missing(nats, settings, known.reports, reason);
  return { ...known, problem: `The consumer could not be asked: ${why}.`, findings };
}

/** Asked where it matters only: a drain's user may mostly not, and the server logs each denial. */
async function whatItHas(
  nats: NatsConnection,
  settings: DrainSettings,
  { delivered, pending }: ConsumerCounts,
): Promise<StreamState | undefined> {
  return delivered === 0 && pending === 0 ? await readStreamState(nats, settings) : undefined;
}

/** Whether it is another name, or was there and is gone. */
async function missing(
  nats: NatsConnection,
  settings: DrainSettings,
  reports: readonly Report[],
  error: unknown,
): Promise<readonly Finding[]> {
  const code = classifyInfoError(error, settings.stream, settings.consumer)?.reason;
  if (code === "stream-not-found") {
    const names = await streamNames(nats, settings);
    return [{ code, ...missingStream({ ...settings, names }) }];
  }
  if (code !== "consumer-not-found") return [];
  const names = await consumerNames(nats, settings);
  return [{ code, ...missingConsumer({ ...settings, names, reports }) }];
}

async function lastReports(
  nats: NatsConnection,
  { stream, consumer, domain, history }: DrainSettings,
  deadline: Deadline,
): Promise<History> {
  if (history === undefined) return NO_HISTORY;
  return await readWholeHistory(nats, { ...history, stream, consumer, domain }, deadline - now());
}
