// Plain tables for a terminal.
import Table from "cli-table3";

const NO_BORDERS = {
  top: "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  bottom: "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  left: "",
  "left-mid": "",
  mid: "",
  "mid-mid": "",
  right: "",
  "right-mid": "",
  middle: "  ",
};

/** Lines of equal width: the head, a rule, the rows. A column of numbers, or of "-", goes to the right. */
export function formatTable(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const isNumeric = (at: number): boolean => rows.every((row) => /^(\d|-$)/.test(row[at] ?? ""));
  const table = new Table({
    chars: NO_BORDERS,
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
    colAligns: head.map((_, at) => (isNumeric(at) ? "right" : "left")),
  });
  const widths = head.map((title, at) =>
    Math.max(title.length, ...rows.map((row) => (row[at] ?? "").length)),
  );
  table.push(
    [...head],
    widths.map((width) => "─".repeat(width)),
    ...rows.map((row) => [...row]),
  );
  return table.toString().split("\n");
}

/**
 * A long table as several side by side, read downwards, each with the head: as many as fit into
 * `width` characters.
 */
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
