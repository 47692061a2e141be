// How many cases each property gets: few in `npm test`, SLUICE_FUZZ of them in `npm run test:fuzz`.
import type { Parameters } from "fast-check";

const asked = process.env.SLUICE_FUZZ;

/**
 * Parameters of `fc.assert`: so many cases, and the seed in SLUICE_SEED, where a failure is to be
 * seen again.
 */
export const RUNS: Parameters<unknown> = {
  numRuns: asked === undefined ? 200 : Number(asked),
  ...(process.env.SLUICE_SEED === undefined ? {} : { seed: Number(process.env.SLUICE_SEED) }),
};

/** Milliseconds for a test of one property. */
export const FUZZ_TIMEOUT_MS: number = asked === undefined ? 30_000 : 3_600_000;
