// Doctor's examination: one thing after the other, as far as it gets, and what came of it.
import { type Budget, planBudget } from "../../budget.ts";
import { connect } from "../../connection/connect.ts";
import type { Connection } from "../../connection/connection.ts";
import { classifyConnectFailure } from "../../connection/failure.ts";
import { insecureServers, showServers } from "../../connection/login.ts";
import { now } from "../../deadline.ts";
import { preflight } from "../../report/preflight.ts";
import { type Ending, REASONS } from "../../report/reasons.ts";
import type { Finding } from "../../report/report.ts";
import { EXIT, UsageError } from "../usage.ts";
import type { Diagnosis, DoctorOptions } from "./diagnosis.ts";
import { mendOf, print } from "./print.ts";
import { askConsumer, fetchNothing, tryAck, tryDeadLetter } from "./probe.ts";
import { type DoctorSettings, readSettings } from "./settings.ts";
import { tryTarget } from "./target.ts";

/** @returns the exit code */
export async function runDoctor(options: DoctorOptions): Promise<number> {
  const diagnosis = await examine(options);
  print(diagnosis, options.json === true);
  const { outcome } = diagnosis.report;
  if (outcome === "fatal") return EXIT.config;
  if (outcome === "retryable") return EXIT.retry;
  return diagnosis.ok ? EXIT.ok : EXIT.failure;
}

async function examine(options: DoctorOptions): Promise<Diagnosis> {
  let settings: DoctorSettings;
  let budget: Budget;
  try {
    settings = await readSettings(options);
    budget = planBudget(settings.limitMs, { maxWaitMs: settings.maxWaitMs });
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof RangeError)) throw error;
    const { message } = error;
    const report = { outcome: "fatal", reason: "invalid-options", message } as const;
    return { ok: false, findings: [{ code: report.reason, message }], budget: undefined, report };
  }
  const { login } = settings;
  const request = { ...login, name: "sluice-doctor" };
  const attempt = await connect(request, now() + budget.connectMs, new AbortController().signal);
  if (attempt.kind !== "connected")
    return diagnose(budget, [], [classifyConnectFailure(attempt, showServers(login.servers))], settings);
  try {
    return await examineConsumer(attempt.connection, settings, budget);
  } finally {
    await attempt.connection.close();
  }
}

async function examineConsumer(
  connection: Connection,
  settings: DoctorSettings,
  budget: Budget,
): Promise<Diagnosis> {
  const { stream, consumer, deadLetter } = settings;
  const consumerAnswer = await askConsumer(connection, settings);
  const info = "facts" in consumerAnswer ? consumerAnswer : undefined;
  const target = await tryTarget(settings.targetUrl, settings.login.allowInsecure);
  const findings: Finding[] = target === undefined ? [] : [target];
  findings.push(...insecureServers(settings.login).map(insecure));
  const endings: Ending[] = "facts" in consumerAnswer ? [] : [consumerAnswer];
  const letter = deadLetter ? await tryDeadLetter(connection, deadLetter.subject) : undefined;
  // Behind an unanswered question there is no use in more.
  if (endings.every(({ reason }) => reason === "permission-denied")) {
    const tried = [await fetchNothing(connection, settings), await tryAck(connection, settings)];
    endings.push(
      ...[...tried, typeof letter === "object" ? letter : undefined].filter((end) => end !== undefined),
    );
  }
  const facts = {
    stream,
    consumer,
    ...info?.facts,
    serverVersion: connection.nats.info?.version,
    deadLetterStream: letter === "uncaptured" ? null : undefined,
  };
  const handlerTimeoutMs = settings.handlerTimeoutMs ?? budget.handleMs;
  const plan = { ...settings, handlerTimeoutMs, maxWaitMs: budget.maxWaitMs };
  findings.push(...preflight(facts, plan));
  if (info !== undefined && info.redelivered > 0) {
    findings.push({
      code: "redelivered",
      message:
        `${info.redelivered} messages have been delivered before and are still not settled: ` +
        "one that fails each time is a poison message, which a dead letter takes out of the " +
        "way.",
      mend: `nats consumer info ${stream} ${consumer}`,
    });
  }
  return diagnose(budget, findings, endings, settings);
}

function insecure(server: string): Finding {
  return {
    code: "insecure-connection",
    message: `The connection is not encrypted (ALLOW_INSECURE): ${server}.`,
    mend: "Give nats-server's WebSocket listener a certificate, and use wss://.",
  };
}

/** The gravest ending says how a drain would end. */
function diagnose(
  budget: Budget,
  findings: readonly Finding[],
  endings: readonly Ending[],
  settings: DoctorSettings,
): Diagnosis {
  const isFatal = ({ reason }: Ending): boolean => REASONS[reason].outcome === "fatal";
  const end = endings.find(isFatal) ?? endings[0];
  const all = [
    ...endings.map(({ reason, message }): Finding => {
      const mend = mendOf(reason, settings);
      return mend === undefined ? { code: reason, message } : { code: reason, message, mend };
    }),
    ...findings,
  ];
  const report = end
    ? { outcome: REASONS[end.reason].outcome, reason: end.reason, message: end.message }
    : ({ outcome: "completed", reason: "empty", message: "A drain can do all that it needs." } as const);
  return { ok: all.length === 0, findings: all, budget, report };
}
