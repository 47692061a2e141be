// Checks of single options: each passes in silence, or throws an error that names the option and
// the value given.

/**
 * An option is missing, malformed or out of range; the message names it and the value given. Shape
 * is a TypeError, range a RangeError.
 */
export type InvalidOption = (TypeError | RangeError) & {
  readonly code: "SLUICE_INVALID_OPTION";
  readonly option: string;
  /** What is wrong, without the value given. */
  readonly problem: string;
};

/** Whether `error` says that an option is wrong. */
export function isInvalidOption(error: unknown): error is InvalidOption {
  return error instanceof Error && "code" in error && error.code === "SLUICE_INVALID_OPTION";
}

/**
 * An error that names the option. `problem` never holds its value; `given` shows it, where it is no
 * secret, and whoever must not show values leaves it out.
 *
 * @example
 * const error = invalidOption(RangeError, "rate", "must be at least 1", "0");
 * console.log(error.message); // rate: must be at least 1, not 0
 */
export function invalidOption(
  Kind: typeof TypeError | typeof RangeError,
  option: string,
  problem: string,
  given?: string,
): InvalidOption {
  const message = `${option}: ${problem}${given === undefined ? "" : `, not ${given}`}`;
  return Object.assign(new Kind(message), { code: "SLUICE_INVALID_OPTION" as const, option, problem });
}

/**
 * Only names that are known: a mistyped one would pass in silence, and the default would hold.
 *
 * @param path of the option whose members these are, with its dot. @default "", of no other
 */
export function checkKnown(options: object, known: readonly string[], path = ""): void {
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    const [nearest = ""] = known.toSorted((a, b) => distance(name, a) - distance(name, b));
    throw invalidOption(TypeError, `${path}${name}`, `is no option; the nearest is ${path}${nearest}`);
  }
}

function distance(from: string, to: string): number {
  const [a, b] = [from.toLowerCase(), to.toLowerCase()];
  // What one has in front of the other's whole name is no mistake of the fingers, but a unit left out.
  if (a !== "" && (a.startsWith(b) || b.startsWith(a))) return Math.abs(a.length - b.length) / 4;
  return editsBetween(from, to);
}

/** How many letters have to be put in, taken out or changed, whatever their case (Levenshtein). */
export function editsBetween(from: string, to: string): number {
  const [a, b] = [from.toLowerCase(), to.toLowerCase()];
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1];
    for (const [j, other] of [...b].entries()) {
      const kept = (row[j] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min(kept, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

/** A stream, consumer or domain. */
export function checkName(option: string, name: unknown): void {
  if (typeof name !== "string" || name === "")
    throw invalidOption(TypeError, option, "must be a name", show(name));
  // jetstream's own rule: a name is one token of the API's subjects.
  if (/[\s.*>/\\\p{Cc}]/u.test(name))
    throw invalidOption(TypeError, option, "must have no space, dot, *, >, / or \\", show(name));
}

/** A subject without wildcards. */
export function checkSubject(option: string, subject: unknown): void {
  if (typeof subject !== "string" || !/^[^\s.*>\p{Cc}]+(\.[^\s.*>\p{Cc}]+)*$/u.test(subject))
    throw invalidOption(TypeError, option, "must be a subject without wildcards", show(subject));
}

/**
 * A subject that a stream may take in. A message to one of the server's own would be a command, as
 * `$JS.API.STREAM.DELETE.ORDERS` is, and one to an inbox an answer.
 */
export function checkTarget(option: string, subject: unknown): void {
  checkSubject(option, subject);
  if (/^(\$(?!(KV|O|MQTT)\.)|_INBOX)/.test(String(subject)))
    throw invalidOption(TypeError, option, "must be none of the server's own subjects", show(subject));
}

/** A whole number from `low` to `high`, if it is there. */
export function checkWholeNumber(option: string, value: unknown, low: number, high: number): void {
  if (value === undefined) return;
  if (typeof value !== "number") throw invalidOption(TypeError, option, "must be a number", show(value));
  if (!Number.isInteger(value) || value < low || value > high)
    throw invalidOption(RangeError, option, `must be a whole number from ${low} to ${high}`, String(value));
}

/** Milliseconds from `low`, if it is there. */
export function checkMilliseconds(option: string, value: unknown, low: number): void {
  if (value === undefined) return;
  if (typeof value !== "number")
    throw invalidOption(TypeError, option, "must be a number of milliseconds", show(value));
  if (!Number.isFinite(value) || value < low)
    throw invalidOption(RangeError, option, `must be at least ${low} ms`, String(value));
}

/** A value of that type, if it is there. */
export function checkType(option: string, value: unknown, type: "boolean" | "function" | "string"): void {
  if (value !== undefined && typeof value !== type)
    throw invalidOption(TypeError, option, `must be a ${type}`, show(value));
}

/** One of the words given, if it is there. */
export function checkOneOf(option: string, value: unknown, words: readonly string[]): void {
  if (value === undefined || (typeof value === "string" && words.includes(value))) return;
  throw invalidOption(TypeError, option, `must be one of ${words.join(", ")}`, show(value));
}

/**
 * One line for a header, a report, and whatever terminal shows it: control characters, and those that
 * turn the direction of writing, are spaces.
 */
export function oneLine(text: string, maxLength: number): string {
  const line = text
    .slice(0, maxLength)
    .replace(/[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu, " ");
  return line.toWellFormed();
}

/** A value for a message: of anything but a short text or number, its kind. */
export function show(value: unknown): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value);
    case "function":
      return "a function";
    case "object":
      return value === null ? "null" : Array.isArray(value) ? "an array" : "an object";
    default:
      return String(value);
  }
}
