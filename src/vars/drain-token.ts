// The secret of the HTTP routes, read in one place: what is checked is what is compared.
import { invalidVar, required, type Vars } from "./vars.ts";

/** Fewest characters: with letters and digits at random, 95 bits. */
const MIN_LENGTH = 16;
/** The characters of a bearer token (RFC 6750, 2.1): one with others never matches. */
const BEARER = /^[A-Za-z0-9._~+/-]+=*$/;
/** What examples have in its place. */
const PLACEHOLDER = /change[-_. ]?me|replace[-_. ]?me|place[-_. ]?holder|your[-_. ]?(drain|secret|token)/i;

/**
 * The token, without the spaces that pasting leaves around it.
 *
 * @throws {TypeError} it is missing, too short, or an example's; the token is not quoted
 */
export function drainToken(vars: Vars): string {
  const token = required(vars, "DRAIN_TOKEN");
  if (!BEARER.test(token))
    throw invalidVar("DRAIN_TOKEN", "may have letters, digits and ._~+/- only, and = at its end");
  if (PLACEHOLDER.test(token)) throw invalidVar("DRAIN_TOKEN", "is an example's; make one of your own");
  if (token.length < MIN_LENGTH)
    throw invalidVar("DRAIN_TOKEN", `must have at least ${MIN_LENGTH} characters`);
  return token;
}
