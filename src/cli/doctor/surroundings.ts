// What is around the consumer: its account, and its history. A drain's user may mostly not ask for these;
// what is not allowed, or not answered, is not known, and no finding.
import type { NatsConnection } from "@nats-io/nats-core";
import { type History, readWholeHistory } from "../../observe/history-read.ts";
import { askOptional } from "../../observe/names.ts";
import type { StreamState } from "../../observe/stream-state.ts";
import type { Finding } from "../../report/report.ts";
import type { DoctorSettings } from "./settings.ts";

/** The history is waited for no longer. */
const ASK_MS = 2_000;

/** What is left of what the account may store, where the user may ask. */
export async function accountStorage(
  nats: NatsConnection,
  domain: string | undefined,
  held: StreamState | undefined,
): Promise<Finding[]> {
  const answer = await askOptional(nats, domain, "INFO");
  const { max_storage: most }: Told = { ...(answer?.limits as object | undefined) };
  const used = answer?.storage;
  if (typeof most !== "number" || typeof used !== "number" || most <= 0) return [];
  // Where it is not known what a message takes, a twentieth is little.
  const next = held?.messages ? held.bytes / held.messages : most / 20;
  if (used + next <= most) return [];
  const message =
    `The account has stored ${used} of the ${most} bytes that it may: the next message does not fit, and ` +
    "whoever publishes is refused.";
  return [{ code: "account-storage-full", message, mend: "nats account info" }];
}

/** Of an answer that may be anybody's. */
type Told = Readonly<Record<string, unknown>>;

/** What the history has, where the drain keeps one. */
export async function lastDrains(nats: NatsConnection, settings: DoctorSettings): Promise<History> {
  const { bucket, stream, consumer, domain } = settings;
  if (bucket === undefined) return { reports: [], totals: undefined };
  return await readWholeHistory(nats, { bucket, stream, consumer, domain }, ASK_MS);
}
