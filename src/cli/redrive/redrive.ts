// A redrive from its start to its last line: show what it will do, ask, put back.
import { once } from "node:events";
import { createInterface } from "node:readline/promises";
import { setTimeout as pause } from "node:timers/promises";
import type { Connection } from "../../connection/connection.ts";
import { openConnection } from "../connect.ts";
import type { Login } from "../login.ts";
import { printable } from "../terminal.ts";
import { EXIT } from "../usage.ts";
import type { Filter } from "./dead-letter.ts";
import { MAX_LINE, MAX_LINES, preview } from "./preview.ts";
import { publisher } from "./publish.ts";
import { type Counts, putBack } from "./put-back.ts";
import { type DeadLetterStream, openStream } from "./stream.ts";
import { Targets } from "./targets.ts";

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
  const connection = await openConnection(login, "sluice-redrive", signal);
  try {
    const letters = await openStream(connection.nats, settings.stream, login.inboxPrefix);
    const redrive: Redrive = { connection, letters, targets: new Targets(connection.nats), settings, signal };
    if (settings.isDryRun) {
      await show(redrive);
      return EXIT.ok;
    }
    if (letters.denyDelete && !settings.keep) {
      const advice = "put its dead letters back with --keep";
      throw new Error(`stream "${letters.name}" lets nobody delete from it: ${advice}`);
    }
    if (settings.asks && !(await isMeant(redrive))) return EXIT.failure;
    return await redriveAll(redrive);
  } finally {
    await connection.close();
  }
}

/** What a run works with. */
interface Redrive {
  readonly connection: Connection;
  readonly letters: DeadLetterStream;
  readonly targets: Targets;
  readonly settings: Settings;
  readonly signal: AbortSignal;
}

/** Prints what would be put back. */
async function show({ letters, targets, settings, signal }: Redrive): Promise<number> {
  const { lines, wouldRedrive, wouldRefuse, skipped } = await preview(letters, targets, {
    ...settings,
    signal,
  });
  signal.throwIfAborted();
  for (const line of lines) console.log(line);
  const refused = wouldRefuse > 0 ? { wouldRefuse } : {};
  console.log(JSON.stringify({ wouldRedrive, ...refused, skipped, left: await letters.count() }));
  return wouldRedrive;
}

async function isMeant(redrive: Redrive): Promise<boolean> {
  const { signal } = redrive;
  const wouldRedrive = await show(redrive);
  if (wouldRedrive === 0) return false;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  // The terminal is in raw mode, where Ctrl-C is a character like others.
  terminal.once("SIGINT", () => process.kill(process.pid, "SIGINT"));
  const closed = once(terminal, "close").then(() => "");
  try {
    const asked = terminal.question(`Put back ${wouldRedrive}? [y/N] `, { signal });
    const answer = await Promise.race([asked, closed]);
    return /^y(es)?$/i.test(answer.trim());
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof Error && error.name === "AbortError") return false; // Ctrl-D
    throw error;
  } finally {
    terminal.close();
  }
}

async function redriveAll({ connection, letters, targets, settings, signal }: Redrive): Promise<number> {
  const { filter, max, rate, keep } = settings;
  const counts: Counts = { redriven: 0, duplicates: 0, skipped: 0, refused: 0 };
  const told = new Set<string>();
  const tell = (line: string): void => {
    if (told.has(line) || told.size > MAX_LINES) return;
    told.add(line);
    process.stderr.write(told.size > MAX_LINES ? "and more\n" : `${printable(line.slice(0, MAX_LINE))}\n`);
  };
  try {
    await putBack(letters, counts, {
      filter,
      max,
      signal,
      tell,
      publish: publisher(connection, letters.name, targets, tell),
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
