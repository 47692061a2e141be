// Plain tables for a terminal.

/**
 * Lines of equal width: the head, a rule, the rows. A column whose cells all begin with a digit or are "-" goes to the right.
 */
export function formatTable(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const columns = head.map((title, index) => {
    const cells = rows.map((row) => row[index] ?? "");
    const width = Math.max(title.length, ...cells.map((cell) => cell.length));
    const numeric = cells.every((cell) => /^(\d|-$)/.test(cell));
    return { width, pad: (text: string): string => (numeric ? text.padStart(width) : text.padEnd(width)) };
  });
  const line = (cells: readonly string[]): string =>
    columns.map(({ pad }, index) => pad(cells[index] ?? "")).join("  ");
  const rule = columns.map(({ width }) => "─".repeat(width)).join("  ");
  return [line(head), rule, ...rows.map(line)];
}

/** A long table as several side by side, read downwards, each with the head: as many as fit into `width` characters. */
export function inColumns([head = "", rule = "", ...rows]: readonly string[], width: number): string {
  const gap = "    ";
  const count = Math.max(1, Math.floor((width + gap.length) / (head.length + gap.length)));
  const height = Math.ceil(rows.length / count);
  const blocks = Array.from({ length: count }, (_, index) => rows.slice(index * height, (index + 1) * height))
    .filter((block) => block.length > 0)
    .map((block) => [head, rule, ...block]);
  const lines = Array.from({ length: height + 2 }, (_, index) =>
    blocks
      .map((block) => block[index] ?? "")
      .join(gap)
      .trimEnd(),
  );
  return lines.join("\n");
}
