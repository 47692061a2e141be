// Numbers from noisy machines: contenders take turns, and what counts is the median.

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [high = Number.NaN, low = high] = [
    sorted[middle],
    sorted.length % 2 === 0 ? sorted[middle - 1] : undefined,
  ];
  return (low + high) / 2;
}

/** For CPU times of a few milliseconds: what a machine does beside the work, as compiling and collecting garbage, only ever adds. */
export function lowerQuartile(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return median(sorted.slice(0, Math.ceil(sorted.length / 2)));
}

/** The value that so many percent of them do not exceed (nearest rank). */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? Number.NaN;
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

export interface Rounds {
  readonly count: number;
  /** Before them, and not counted. */
  readonly warmUps: number;
}

/**
 * Runs each side once a round: A B C, then C B A, so that neither a slow drift of the machine nor what one leaves to the next
 * favours a side. The first `warmUps` rounds do not count.
 */
export async function alternate<Side extends string, Result>(
  sides: readonly Side[],
  rounds: Rounds,
  run: (side: Side, round: number) => Promise<Result>,
): Promise<Record<Side, Result[]>> {
  const results = Object.fromEntries(sides.map((side) => [side, []])) as unknown as Record<Side, Result[]>; // by construction
  for (let round = -rounds.warmUps; round < rounds.count; round += 1) {
    for (const side of round % 2 === 0 ? sides : sides.toReversed()) {
      const result = await run(side, round);
      if (round >= 0) results[side].push(result);
    }
  }
  return results;
}

export function round(value: number, digits = 1): number {
  return Number(value.toFixed(digits));
}
