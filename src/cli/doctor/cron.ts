// The longest time between two runs of a cron expression, for the usual ones. Pure.

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** Milliseconds; undefined of an expression that is none of the usual ones. */
export function betweenCrons(expression: string): number | undefined {
  const [minute = "", hour = "", ...days] = expression.trim().split(/\s+/);
  if (days.length !== 3 || days.some((each) => each !== "*" && each !== "?")) return undefined;
  const minutes = stepOf(minute);
  if (hour === "*" && minutes !== undefined) return minutes * MINUTE_MS;
  if (!/^\d+$/.test(minute)) return undefined;
  const hours = stepOf(hour);
  if (hours !== undefined) return hours * HOUR_MS;
  return /^\d+$/.test(hour) ? DAY_MS : undefined;
}

/** `*` is 1, and `*` with a step is that. */
function stepOf(field: string): number | undefined {
  const [, step = "1"] = /^\*(?:\/(\d+))?$/.exec(field) ?? [undefined, ""];
  return step === "" ? undefined : Number(step);
}
