// The examination behind the login: each permission, the consumer, its stream, and what it has been
// through.

import { type Budget, targetTimeoutMs } from "../../budget.ts";
import type { Connection } from "../../connection/connection.ts";
import { JetStreamError } from "../../connection/jetstream.ts";
import { askConsumer, type ConsumerAnswer } from "../../observe/consumer-info.ts";
import { evidence } from "../../observe/evidence.ts";
import { historySubject } from "../../observe/history.ts";
import { mendOf } from "../../observe/mend.ts";
import { missingConsumer, missingStream } from "../../observe/missing.ts";
import { accountName, askOptional, consumerNames, streamNames } from "../../observe/names.ts";
import { readStreamState } from "../../observe/stream-state.ts";
import { type ConsumerConfigFacts, preflight } from "../../report/preflight.ts";
import { quote } from "../../report/preflight-rule.ts";
import { type Ending, ending } from "../../report/reasons.ts";
import type { Finding, Report } from "../../report/report.ts";
import type { Diagnosis } from "./diagnosis.ts";
import { ASK_MS, explain, fetchNothing, tryAck, tryPublish } from "./probe.ts";
import type { DoctorSettings } from "./settings.ts";
import { accountStorage, lastDrains } from "./surroundings.ts";
import { diagnose } from "./verdict.ts";

interface Examined {
  readonly settings: DoctorSettings;
  readonly budget: Budget;
  /** What was found before. */
  readonly findings: readonly Finding[];
}

export async function examineConsumer(connection: Connection, examined: Examined): Promise<Diagnosis> {
  const { settings, budget } = examined;
  const { stream, consumer } = settings;
  const [answer, { reports }] = await Promise.all([
    askConsumer(connection.nats, settings, ASK_MS).catch((error: unknown) => error),
    lastDrains(connection.nats, settings),
  ]);
  const isMissing = answer instanceof JetStreamError && [10014, 10059].includes(answer.code);
  if (isMissing) return await missing(connection, examined, answer, reports);
  const info = isAnswer(answer) ? answer : undefined;
  const refusal = info ? undefined : explain(answer, stream, consumer);
  // Behind a question that nothing answers there is no use in more.
  if (refusal && refusal.reason !== "permission-denied")
    return diagnose({ ...examined, endings: [await sideways(connection, settings, refusal)] });
  // A drain goes on without consumer info, and without its history: the rest of what it may not do ends it.
  const endings = await tryPermissions(connection, settings);
  const isFree = endings.every(({ message }) => message !== refusal?.message);
  const denied = refusal && isFree ? [toFinding(refusal, settings)] : [];
  const { end: refused, ...deadLetters } = await tryDeadLetter(connection, settings);
  if (refused) endings.push(refused);
  const held = await readStreamState(connection.nats, settings);
  const facts = {
    stream,
    consumer,
    ...info?.facts,
    retention: held?.retention,
    streamSubjects: held?.subjects,
    serverVersion: connection.nats.info?.version,
    ...deadLetters,
  };
  const betweenRunsMs = settings.betweenRunsMs ?? betweenRuns(reports);
  const plan = {
    ...settings,
    // A drain that says nothing lets a handler take the whole slice; the Worker does not.
    handlerTimeoutMs:
      settings.handlerTimeoutMs ?? (settings.posts ? targetTimeoutMs(budget) : budget.handleMs),
    maxWaitMs: budget.maxWaitMs,
    betweenRunsMs,
  };
  const targetIsDown = examined.findings.some(({ code }) => code.startsWith("target-"));
  const judged = preflight(facts, plan);
  const findings = [
    ...denied,
    ...examined.findings,
    ...(info ? evidence({ facts, counts: info.counts, reports, targetIsDown, held, betweenRunsMs }) : []),
    ...judged,
    ...(await accountStorage(connection.nats, settings.domain, held)),
    ...(await tryHistory(connection, settings)),
  ];
  const end = endOf(judged) ?? refusedPull(findings, settings);
  return diagnose({ settings, budget, findings, endings, counts: info?.counts, ...(end && { end }) });
}

function isAnswer(answer: unknown): answer is ConsumerAnswer {
  return typeof answer === "object" && answer !== null && "facts" in answer;
}

/** How a drain ends at a consumer of another kind, which preflight tells. */
function endOf(judged: readonly Finding[]): Ending | undefined {
  const codes = judged.map(({ code }) => code);
  if (codes.includes("push-consumer")) return ending("not-a-pull-consumer");
  return codes.includes("ack-policy") ? ending("unsupported-consumer") : undefined;
}

/** The deployable Worker has no option priorityGroup. */
function refusedPull(findings: readonly Finding[], { posts }: DoctorSettings): Ending | undefined {
  const isRefused = posts && findings.some(({ code }) => code === "priority-group");
  return isRefused ? ending("bad-request") : undefined;
}

/** What a drain cannot do without. */
async function tryPermissions(connection: Connection, settings: DoctorSettings): Promise<Ending[]> {
  const tried = [await fetchNothing(connection, settings), await tryAck(connection, settings)];
  return tried.filter((end) => end !== undefined);
}

type DeadLetters = Pick<ConsumerConfigFacts, "deadLetterStream" | "deadLetterStorage"> & {
  readonly end?: Ending;
};

/** The stream that takes dead letters in, as far as it is known, and what ends a drain that publishes one. */
async function tryDeadLetter(connection: Connection, settings: DoctorSettings): Promise<DeadLetters> {
  const { deadLetter } = settings;
  if (!deadLetter) return {};
  const letter = await tryPublish(connection, deadLetter.subject);
  if (letter === "uncaptured") return { deadLetterStream: null };
  if (letter !== "taken" && letter.reason === "permission-denied") return { end: letter };
  const deadLetterStream = (await streamNames(connection.nats, settings, deadLetter.subject))?.[0];
  const deadLetterStorage =
    deadLetterStream === undefined
      ? undefined
      : await readStreamState(connection.nats, { ...settings, stream: deadLetterStream });
  // One that confirms nothing does not answer.
  const isSilent = letter !== "taken" && !deadLetterStorage?.noAck;
  return { deadLetterStream, deadLetterStorage, ...(isSilent ? { end: letter } : {}) };
}

async function tryHistory(connection: Connection, settings: DoctorSettings): Promise<Finding[]> {
  const { bucket, stream, consumer } = settings;
  if (bucket === undefined) return [];
  const taken = await tryPublish(connection, historySubject({ bucket, stream, consumer }));
  if (taken === "taken") return [];
  if (taken !== "uncaptured") return [toFinding(taken, settings)];
  return [
    {
      code: "history-bucket-missing",
      message: `There is no bucket "${bucket}": no report is kept in the history.`,
      mend: `nats kv add ${quote(bucket)} --history 64`,
    },
  ];
}

async function missing(
  connection: Connection,
  { settings, budget, findings }: Examined,
  answer: JetStreamError,
  reports: readonly Report[],
): Promise<Diagnosis> {
  const end = explain(answer, settings.stream, settings.consumer);
  const { message, mend = "" } =
    end.reason === "stream-not-found"
      ? missingStream({
          ...settings,
          names: await streamNames(connection.nats, settings),
          account: await accountName(connection.nats),
        })
      : missingConsumer({ ...settings, names: await consumerNames(connection.nats, settings), reports });
  return diagnose({ settings, budget, findings, endings: [{ ...end, message, mend }] });
}

/** Where nothing answers for a domain: whether another one is meant, or none. */
async function sideways(
  { nats }: Connection,
  { stream, consumer, domain }: DoctorSettings,
  end: Ending,
): Promise<Ending & { readonly mend?: string }> {
  if (domain === undefined || end.reason !== "jetstream-unavailable") return end;
  const without = await askOptional(nats, undefined, `CONSUMER.INFO.${stream}.${consumer}`);
  const { domain: own } = { ...(nats.info as { readonly domain?: unknown } | undefined) };
  const told =
    typeof own === "string" && own !== domain
      ? `The domain of the server is ${JSON.stringify(own)}.`
      : "The server has no domain of its own.";
  const advice = without
    ? "The consumer is there without a domain: leave NATS_DOMAIN out."
    : "Is the name right?";
  return ending(end.reason, `Nothing answers for the domain "${domain}". ${told} ${advice}`);
}

function toFinding({ reason, message }: Ending, settings: DoctorSettings): Finding {
  const mend = mendOf(reason, settings);
  return mend === undefined ? { code: reason, message } : { code: reason, message, mend };
}

/** The usual time between two drains, as the history has it, in milliseconds. */
function betweenRuns(reports: readonly Report[]): number | undefined {
  const starts = reports.map(({ startedAt }) => Date.parse(startedAt));
  const gaps = starts.slice(1).map((start, at) => start - (starts[at] ?? 0));
  const known = gaps.filter((gap) => gap > 0).sort((one, other) => one - other);
  return known[Math.floor(known.length / 2)];
}
