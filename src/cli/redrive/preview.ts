// What a redrive would put back: by where it came from and why it was given up.
import { columns, printable } from "../terminal.ts";
import { type Filter, matches, readDeadLetter } from "./dead-letter.ts";
import type { DeadLetterStream } from "./stream.ts";
import type { Targets } from "./targets.ts";

/** What a redrive would do. */
export interface Preview {
  /** Dead letters that it would put back. */
  readonly wouldRedrive: number;
  /** Dead letters whose stream does not take them back, as far as can be known. */
  readonly wouldRefuse: number;
  readonly skipped: number;
  /** For a terminal. */
  readonly lines: readonly string[];
}

export interface PreviewOptions {
  readonly filter: Filter;
  readonly max: number;
  readonly signal: AbortSignal;
}

const MAX_REASON_LENGTH = 80;
/** Whoever may write dead letters may have written very many that are none. */
export const MAX_LINES = 1_000;

/** Reads as a redrive does, and changes nothing. */
export async function preview(
  { read, inboxPrefix }: Pick<DeadLetterStream, "read" | "inboxPrefix">,
  targets: Pick<Targets, "refusal">,
  { filter, max, signal }: PreviewOptions,
): Promise<Preview> {
  const rows = new Map<string, { readonly cells: readonly string[]; count: number }>();
  const why = new Set<string>();
  let skipped = 0;
  let wouldRefuse = 0;
  let wouldRedrive = 0;
  for await (const message of read()) {
    if (signal.aborted || wouldRedrive >= max) break;
    const letter = readDeadLetter(message, inboxPrefix);
    if ("malformed" in letter) {
      skipped += 1;
      if (why.size < MAX_LINES) why.add(letter.malformed);
      continue;
    }
    if (!matches(letter, filter)) continue;
    const refusal = await targets.refusal(letter);
    if (refusal !== undefined) {
      wouldRefuse += 1;
      if (why.size < MAX_LINES) why.add(`"${letter.subject}" would not be put back: ${refusal}`);
      continue;
    }
    wouldRedrive += 1;
    const cells = [letter.subject, letter.consumer, shorten(letter.reason)];
    const row = rows.get(JSON.stringify(cells)) ?? { cells, count: 0 };
    row.count += 1;
    rows.set(JSON.stringify(cells), row);
  }
  const sorted = [...rows.values()].sort((a, b) => b.count - a.count);
  const table = columns([
    ["count", "subject", "consumer", "reason"],
    ...sorted.map(({ cells, count }) => [String(count), ...cells]),
  ]);
  const more = wouldRefuse + skipped > why.size && why.size >= MAX_LINES ? ["and more"] : [];
  const lines = [...table, ...Array.from(why, printable), ...more];
  return { wouldRedrive, wouldRefuse, skipped, lines };
}

function shorten(reason: string): string {
  return reason.length > MAX_REASON_LENGTH ? `${reason.slice(0, MAX_REASON_LENGTH - 1)}…` : reason;
}
