// Doctor's examination: one thing after the other, as far as it gets, and what came of it.
import { type Budget, planBudget } from "../../budget.ts";
import { connect } from "../../connection/connect.ts";
import { insecureServers } from "../../connection/login.ts";
import { now } from "../../deadline.ts";
import { explainConnectFailure } from "../../observe/unreachable.ts";
import { type Ending, ending } from "../../report/reasons.ts";
import type { Finding } from "../../report/report.ts";
import { EXIT } from "../usage.ts";
import { examineConsumer } from "./consumer.ts";
import type { Diagnosis, DoctorOptions } from "./diagnosis.ts";
import { print } from "./print.ts";
import { reach } from "./reach.ts";
import { type DoctorSettings, readSettings } from "./settings.ts";
import { tryTarget } from "./target.ts";
import { SettingsError } from "./vars.ts";
import { diagnose } from "./verdict.ts";

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
    // What cannot be read is as wrong as what is malformed.
    if (!(error instanceof Error)) throw error;
    const problems = error instanceof SettingsError ? error.problems : [error.message];
    return diagnose({ endings: problems.map((message) => ({ reason: "invalid-options", message })) });
  }
  const { login, targetUrl } = settings;
  const request = { ...login, name: "sluice-doctor" };
  const [attempt, target] = await Promise.all([
    connect(request, now() + budget.connectMs, new AbortController().signal),
    tryTarget(targetUrl),
  ]);
  const findings = [
    ...settings.passedOver,
    ...(target ? [target] : []),
    ...insecureServers(login).map(insecure),
  ];
  if (attempt.kind !== "connected") {
    const end = explainConnectFailure(attempt, login, Date.now());
    return diagnose({ budget, settings, findings, endings: [await whereabouts(end, settings)] });
  }
  try {
    return await examineConsumer(attempt.connection, { settings, budget, findings });
  } finally {
    await attempt.connection.close();
  }
}

async function whereabouts(end: Ending, { login }: DoctorSettings): Promise<Ending> {
  if (end.reason !== "connect-timeout") return end;
  return ending(end.reason, await reach(login.servers));
}

function insecure(server: string): Finding {
  return {
    code: "insecure-connection",
    message: `The connection is not encrypted (ALLOW_INSECURE): ${server}.`,
    mend: "Give nats-server's WebSocket listener a certificate, and use wss://.",
  };
}
