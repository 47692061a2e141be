// What a redrive would put back, as a table: by where it came from and why it died.
import { formatTable } from "../../demo/table.ts";
import { type Filter, matches, readDeadLetter, type Stored } from "./dead-letter.ts";

/** What a redrive would do. */
export interface Preview {
  /** Dead letters that it would put back. */
  readonly wouldRedrive: number;
  readonly skipped: number;
  /** For a terminal. */
  readonly table: string;
}

const LONGEST_REASON = 80;

/** Reads as a redrive does, and changes nothing. */
export async function preview(
  messages: AsyncIterable<Stored>,
  { filter, max, signal }: { readonly filter: Filter; readonly max: number; readonly signal: AbortSignal },
): Promise<Preview> {
  const rows = new Map<
    string,
    { cells: [subject: string, consumer: string, reason: string]; count: number }
  >();
  let wouldRedrive = 0;
  let skipped = 0;
  for await (const message of messages) {
    if (signal.aborted || wouldRedrive >= max) break;
    const letter = readDeadLetter(message);
    if (letter === undefined) skipped += 1;
    if (letter === undefined || !matches(letter, filter)) continue;
    wouldRedrive += 1;
    const { subject, consumer, reason } = letter;
    const row = rows.get(JSON.stringify([subject, consumer, reason]));
    if (row) row.count += 1;
    else
      rows.set(JSON.stringify([subject, consumer, reason]), {
        cells: [subject, consumer, shorten(reason)],
        count: 1,
      });
  }
  const sorted = [...rows.values()].sort((a, b) => b.count - a.count);
  const table = formatTable(
    ["subject", "consumer", "reason", "count"],
    sorted.map(({ cells, count }) => [...cells, String(count)]),
  );
  return { wouldRedrive, skipped, table: table.join("\n") };
}

function shorten(reason: string): string {
  return reason.length > LONGEST_REASON ? `${reason.slice(0, LONGEST_REASON - 1)}…` : reason;
}
