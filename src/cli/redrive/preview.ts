// What a redrive would put back: by where it came from and why it died.
import { columns } from "../terminal.ts";
import { type Filter, matches, readDeadLetter } from "./dead-letter.ts";
import type { DeadLetterStream } from "./stream.ts";

/** What a redrive would do. */
export interface Preview {
  /** Dead letters that it would put back. */
  readonly wouldRedrive: number;
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

/** Reads as a redrive does, and changes nothing. */
export async function preview(
  { read, inboxPrefix }: Pick<DeadLetterStream, "read" | "inboxPrefix">,
  { filter, max, signal }: PreviewOptions,
): Promise<Preview> {
  const rows = new Map<string, { readonly cells: readonly string[]; count: number }>();
  const why: string[] = [];
  let wouldRedrive = 0;
  for await (const message of read()) {
    if (signal.aborted || wouldRedrive >= max) break;
    const letter = readDeadLetter(message, inboxPrefix);
    if ("malformed" in letter) {
      why.push(letter.malformed);
      continue;
    }
    if (!matches(letter, filter)) continue;
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
  return { wouldRedrive, skipped: why.length, lines: [...table, ...columns(why.map((each) => [each]))] };
}

function shorten(reason: string): string {
  return reason.length > MAX_REASON_LENGTH ? `${reason.slice(0, MAX_REASON_LENGTH - 1)}…` : reason;
}
