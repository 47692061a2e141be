// What a command shows on a terminal: text of strangers made harmless, and lines in columns. Pure.

/**
 * Text for one line of a terminal: control characters, and those that turn the direction of
 * writing, as escapes. A subject or a reason is a stranger's, and a terminal would obey it.
 */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return `\\u{${code.toString(16)}}`;
  });
}

/**
 * A value as one line of JSON that a terminal shows as it is: what {@link printable} escapes is
 * escaped as JSON has it, so that whoever reads it reads the same.
 */
export function jsonLine(value: unknown): string {
  return JSON.stringify(value).replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (character) =>
    Array.from({ length: character.length }, (_, at) => {
      return `\\u${character.charCodeAt(at).toString(16).padStart(4, "0")}`;
    }).join(""),
  );
}

/** Lines of columns as wide as their widest cells; cells are made {@link printable}. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const cells = rows.map((row) => row.map(printable));
  const widths = cells.reduce<number[]>((widest, row) => {
    return row.map((cell, at) => Math.max(widest[at] ?? 0, cell.length));
  }, []);
  return cells.map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}
