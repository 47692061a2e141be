// A redrive from its start to its last line: show what it will do, ask, put back.
import { createInterface } from "node:readline/promises";
import { setTimeout as pause } from "node:timers/promises";
import type { NatsConnection } from "@nats-io/nats-core";
import { openConnection } from "../connect.ts";
import type { Login } from "../login.ts";
import { printable } from "../terminal.ts";
import { EXIT } from "../usage.ts";
import type { Filter } from "./dead-letter.ts";
import { preview } from "./preview.ts";
import { publisher } from "./publish.ts";
import { type Counts, putBack } from "./put-back.ts";
import { type DeadLetterStream, openStream } from "./stream.ts";

export interface Settings {
  /** The stream of dead letters. */
  readonly stream: string;
  readonly filter: Filter;
  readonly max: number;
  /** Messages a second; undefined: as fast as they go. */
  readonly rate: number | undefined;
  readonly keep: boolean;
  readonly isDryRun: boolean;
  readonly asks: boolean;
}

/** @returns the exit code */
export async function runRedrive(login: Login, settings: Settings, signal: AbortSignal): Promise<number> {
  const nats = await openConnection(login, "sluice-redrive");
  try {
    const letters = await openStream(nats, settings.stream, login.inboxPrefix);
    if (settings.isDryRun) {
      await show(letters, settings, signal);
      return EXIT.ok;
    }
    if (letters.denyDelete && !settings.keep) {
      const advice = "put its dead letters back with --keep";
      throw new Error(`stream "${letters.name}" lets nobody delete from it: ${advice}`);
    }
    if (settings.asks && !(await isMeant(letters, settings, signal))) return EXIT.failure;
    return await redriveAll(nats, letters, settings, signal);
  } finally {
    await nats.close();
  }
}

/** Prints what would be put back. */
async function show(letters: DeadLetterStream, settings: Settings, signal: AbortSignal): Promise<number> {
  const { wouldRedrive, skipped, lines } = await preview(letters, { ...settings, signal });
  signal.throwIfAborted();
  for (const line of lines) console.log(line);
  console.log(JSON.stringify({ wouldRedrive, skipped, left: await letters.count() }));
  return wouldRedrive;
}

async function isMeant(letters: DeadLetterStream, settings: Settings, signal: AbortSignal): Promise<boolean> {
  const wouldRedrive = await show(letters, settings, signal);
  if (wouldRedrive === 0) return false;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(`Put back ${wouldRedrive}? [y/N] `, { signal });
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    terminal.close();
  }
}

async function redriveAll(
  nats: NatsConnection,
  letters: DeadLetterStream,
  { filter, max, rate, keep }: Settings,
  signal: AbortSignal,
): Promise<number> {
  const counts: Counts = { redriven: 0, duplicates: 0, skipped: 0, refused: 0 };
  const told = new Set<string>();
  const tell = (line: string): void => {
    if (!told.has(line)) process.stderr.write(`${printable(line)}\n`);
    told.add(line);
  };
  try {
    await putBack(letters, counts, {
      filter,
      max,
      signal,
      tell,
      publish: publisher(nats, letters.name, tell),
      remove: async (sequence) => (keep ? undefined : await letters.remove(sequence)),
      pace: pacer(rate, signal),
    });
  } finally {
    // Also after Ctrl-C or a failure; without what is left, where the server cannot be asked any more.
    console.log(JSON.stringify({ ...counts, left: await letters.count().catch(() => undefined) }));
  }
  signal.throwIfAborted();
  return counts.refused > 0 ? EXIT.failure : EXIT.ok;
}

/** Waits until the next may go out; no longer than Ctrl-C. */
function pacer(rate: number | undefined, signal: AbortSignal): () => Promise<void> {
  let nextAt = 0;
  return async () => {
    if (rate === undefined) return;
    const waitMs = nextAt - performance.now();
    if (waitMs > 0) await pause(waitMs, undefined, { signal }).catch(() => {});
    nextAt = performance.now() + 1_000 / rate;
  };
}
