// Why a stream or a consumer is not found: a wrong name, or one that was there and is gone. Pure.
import { editsBetween } from "../checks.ts";
import { quote } from "../report/preflight-rule.ts";
import type { Finding, Report } from "../report/report.ts";

/** What is known around the name. */
export interface Around {
  readonly stream: string;
  readonly consumer: string;
  /** The names that there are; undefined: not known. */
  readonly names: readonly string[] | undefined;
  /** Drains of this consumer, oldest first. */
  readonly reports: readonly Report[];
}

/** Names shown at most. */
const MAX_NAMES = 10;

export function missingStream({
  stream,
  names,
  account,
}: Omit<Around, "reports"> & {
  /** Of the credentials; undefined: not known. */
  readonly account?: string | undefined;
}): Omit<Finding, "code"> {
  const place = account === undefined ? "this account" : `the account of these credentials, ${account}`;
  const known = `There is no stream "${stream}" in ${place}.`;
  return { message: `${known} ${suggestion(stream, names, "account")}`, mend: "nats stream ls" };
}

export function missingConsumer({ stream, consumer, names, reports }: Around): Omit<Finding, "code"> {
  const add =
    `nats consumer add ${quote(stream)} ${quote(consumer)} --pull --ack explicit --wait 60s ` +
    "--max-deliver 10 --inactive-threshold 0s --defaults";
  // A drain that found it has a reason other than that it is not there.
  const seen = reports.findLast(({ reason }) => !["consumer-not-found", "stream-not-found"].includes(reason));
  const known = `Stream "${stream}" has no consumer "${consumer}".`;
  if (seen) {
    const threshold = seen.findings.find(({ code }) => code === "inactive-threshold");
    const why = threshold
      ? `its InactiveThreshold deleted it between two runs. That drain said: ${threshold.message}`
      : "its InactiveThreshold (inactive_threshold) deleted it between two runs, or somebody did.";
    return {
      message: `${known} It was there when the drain of ${seen.startedAt} ran, and is gone: ${why}`,
      mend: add,
    };
  }
  const near = names && closest(consumer, names);
  if (near !== undefined)
    return {
      message: `${known} ${suggestion(consumer, names, "stream")}`,
      mend: `nats consumer info ${quote(stream)} ${quote(near)}`,
    };
  return {
    message:
      `${known} ${suggestion(consumer, names, "stream")} If it was there before, its InactiveThreshold ` +
      "(inactive_threshold) deleted it between two runs.",
    mend: add,
  };
}

function suggestion(name: string, names: readonly string[] | undefined, owner: string): string {
  if (names === undefined) return "Is the name right?";
  if (names.length === 0) return `The ${owner} has none.`;
  const near = closest(name, names);
  const list = names.slice(0, MAX_NAMES).join(", ");
  const all = names.length > MAX_NAMES ? `${list}, …` : list;
  return `${near === undefined ? "" : `Did you mean "${near}"? `}The ${owner} has: ${all}.`;
}

/** The name that is likely meant: a third of its letters may be wrong. */
export function closest(name: string, names: readonly string[]): string | undefined {
  const ranked = names
    .map((each) => ({ each, edits: editsBetween(name, each) }))
    .sort((one, other) => one.edits - other.edits);
  const [best] = ranked;
  return best && best.edits <= Math.max(1, Math.floor(name.length / 3)) ? best.each : undefined;
}
