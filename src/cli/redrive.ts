// `sluice redrive`: publishes dead letters back to the subjects that they came from, and takes them out of their stream.
import { setTimeout as pause } from "node:timers/promises";
import { connect } from "../connection/connect.ts";
import type { Connection } from "../connection/connection.ts";
import { classifyConnectFailure } from "../connection/failure.ts";
import { type Progress, startProgress } from "../demo/progress.ts";
import { type Command, defineCommand, EXIT, UsageError } from "./command.ts";
import type { Filter } from "./redrive/dead-letter.ts";
import { preview } from "./redrive/dry-run.ts";
import { LOGIN_OPTIONS, type Login, readLogin } from "./redrive/login.ts";
import { publisher } from "./redrive/publish.ts";
import { type Counts, putBack } from "./redrive/put-back.ts";
import { type DeadLetterStream, openStream } from "./redrive/stream.ts";

const COMMAND = "sluice redrive";
const DEFAULT_MAX = 1_000;
const CONNECT_MS = 10_000;

interface Settings {
  readonly filter: Filter;
  readonly max: number;
  /** Messages a second; undefined: as fast as they go. */
  readonly rate: number | undefined;
  readonly keep: boolean;
}

export const redrive: Command = defineCommand({
  name: "redrive",
  description: `Publishes the dead letters of a stream back to where they came from, in order: each with its own body and
headers, to its own subject. One is deleted when the stream that it came from has confirmed it, so whatever
ends a run, nothing is lost; and nothing is put back twice if the next run comes within that stream's
duplicate window. A message that dies again meanwhile waits for the next run. The last line on stdout is JSON.`,
  options: {
    ...LOGIN_OPTIONS,
    stream: { type: "string", placeholder: "name", description: "The stream of dead letters. Required." },
    subject: {
      type: "string",
      placeholder: "filter",
      description: "Only what came from such a subject, as orders.>",
    },
    consumer: {
      type: "string",
      placeholder: "name",
      description: "Only what this consumer's drain gave up.",
    },
    reason: { type: "string", placeholder: "text", description: "Only what has this text in its reason." },
    max: { type: "string", placeholder: "n", description: `Most to put back. (default: ${DEFAULT_MAX})` },
    rate: {
      type: "string",
      placeholder: "n",
      description: "Most to put back in a second. (default: no limit)",
    },
    "dry-run": { type: "boolean", description: "Print what would be put back, and change nothing." },
    keep: { type: "boolean", description: "Leave the dead letters in their stream, too." },
  },
  run: async ({ stream, max, rate, keep = false, "dry-run": isDryRun = false, ...values }, signal) => {
    if (!stream) throw new UsageError("--stream is missing: the stream of dead letters", COMMAND);
    const { subject, consumer, reason } = values;
    const settings: Settings = {
      filter: { subject, consumer, reason },
      max: readCount("--max", max) ?? DEFAULT_MAX,
      rate: readCount("--rate", rate),
      keep,
    };
    const connection = await logIn(await readLogin(values, process.env, COMMAND), signal);
    try {
      const letters = await openStream(connection.nats, stream);
      if (isDryRun) return await showPreview(letters, settings, signal);
      return await redriveAll(connection, letters, settings, signal);
    } finally {
      await connection.close();
    }
  },
});

async function logIn(login: Login, signal: AbortSignal): Promise<Connection> {
  const attempt = await connect({ ...login, name: "sluice-redrive" }, Date.now() + CONNECT_MS, signal);
  if (attempt.kind === "connected") return attempt.connection;
  throw new Error(classifyConnectFailure(attempt, login.servers).message);
}

async function showPreview(
  letters: DeadLetterStream,
  settings: Settings,
  signal: AbortSignal,
): Promise<number> {
  const { table, wouldRedrive, skipped } = await preview(letters.read(), { ...settings, signal });
  signal.throwIfAborted();
  console.log(`${table}\n\n${JSON.stringify({ wouldRedrive, skipped, left: await letters.count() })}`);
  return EXIT.ok;
}

async function redriveAll(
  connection: Connection,
  letters: DeadLetterStream,
  { filter, max, rate, keep }: Settings,
  signal: AbortSignal,
): Promise<number> {
  if (letters.denyDelete && !keep)
    throw new Error(
      `stream "${letters.name}" lets nobody delete from it: put its dead letters back with --keep`,
    );
  const progress = startProgress(process.stderr);
  const counts: Counts = { redriven: 0, duplicates: 0, skipped: 0, refused: 0 };
  try {
    await putBack(letters.read(), counts, {
      ...{ filter, max, signal },
      publish: publisher(connection, letters.name, progress.line),
      remove: async (sequence) => (keep ? undefined : await letters.remove(sequence)),
      pace: pacer(rate, signal),
      onRead: bar(progress, filter, Math.min(max, letters.messages), letters.messages),
    });
  } finally {
    progress.end();
    // Also after Ctrl-C or a failure; without what is left, where the server cannot be asked any more.
    console.log(JSON.stringify({ ...counts, left: await letters.count().catch(() => undefined) }));
  }
  signal.throwIfAborted();
  return counts.refused > 0 ? EXIT.failure : EXIT.ok;
}

/** Of what is read, where a filter leaves open how much of it is meant. Drawn only: as plain lines it says "received". */
function bar(progress: Progress, filter: Filter, wanted: number, messages: number): () => void {
  const total = Object.values(filter).some((value) => value !== undefined) ? messages : wanted;
  let read = 0;
  return () => {
    read += 1;
    if (process.stderr.isTTY && process.env.TERM !== "dumb") progress.update(read, total);
  };
}

/** Waits until the next may go out; no longer than Ctrl-C. */
function pacer(rate: number | undefined, signal: AbortSignal): () => Promise<void> {
  let nextAt = 0;
  return async () => {
    if (rate === undefined) return;
    const waitMs = nextAt - Date.now();
    if (waitMs > 0) await pause(waitMs, undefined, { signal }).catch(() => {});
    nextAt = Date.now() + 1_000 / rate;
  };
}

/** @throws {UsageError} */
function readCount(option: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const count = /^\d{1,9}$/.test(value) ? Number(value) : 0;
  if (count < 1) throw new UsageError(`${option} must be a whole number from 1, not '${value}'`, COMMAND);
  return count;
}
