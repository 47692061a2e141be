// What the fuzz tests share. How many cases each property gets: few in `npm test`, SLUICE_FUZZ of them in
// `npm run test:fuzz`.
import * as fc from "fast-check";

const asked = process.env.SLUICE_FUZZ;

/**
 * Parameters of `fc.assert`: so many cases, and the seed in SLUICE_SEED, where a failure is to be
 * seen again.
 */
export const RUNS: fc.Parameters<unknown> = {
  numRuns: asked === undefined ? 200 : Number(asked),
  ...(process.env.SLUICE_SEED === undefined ? {} : { seed: Number(process.env.SLUICE_SEED) }),
};

/** Milliseconds for a test of one property. */
export const FUZZ_TIMEOUT_MS: number = asked === undefined ? 30_000 : 3_600_000;

/** Any code point, lone surrogates too. fast-check's own unit `binary` takes a second and a half of CPU time to make. */
export const ANY_CHARACTER: fc.Arbitrary<string> = fc
  .oneof(fc.nat(0x7f), fc.nat(0xffff), fc.nat(0x10ffff))
  .map((code) => String.fromCodePoint(code));
