// Times as arguments have them.
import { UsageError } from "./usage.ts";

const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;

/**
 * Reads `5000`, `5000ms`, `30s`, `5m` or `2h`.
 *
 * @returns milliseconds
 * @throws {UsageError}
 */
export function readTime(command: string, option: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const [, digits = "", unit = "ms"] = /^(\d{1,9})(ms|s|m|h)?$/.exec(value) ?? [];
  // The pattern lets only these units through.
  const timeMs = Number(digits) * UNITS[unit as keyof typeof UNITS];
  if (timeMs > 0) return timeMs;
  throw new UsageError(`${option} must be a time as 5000, 30s or 5m, not '${value}'`, command);
}
