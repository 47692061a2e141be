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
/** Longest of them, which quote what a stranger wrote. */
export const MAX_LINE = 1_000;

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
    const cells = [shorten(letter.subject, 200), shorten(letter.consumer), shorten(letter.reason)];
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
  const lines = [...table, ...Array.from(why, (each) => printable(shorten(each, MAX_LINE))), ...more];
  return { wouldRedrive, wouldRefuse, skipped, lines };
}

/** A header's value may be as long as a line of 64 KB, and all rows would be as wide. */
function shorten(text: string, maxLength: number = MAX_REASON_LENGTH): string {
  return text.length > maxLength ? `${text.slice(0, maxLength - 1)}…` : text;
}
