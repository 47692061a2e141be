// Which of a message's headers go on to the target: those that FORWARD_HEADERS names, and a trace's.
import { invalidVar } from "./vars.ts";

/** A trace goes on through the target (W3C Trace Context, and Baggage). */
const ALWAYS_FORWARDED = ["traceparent", "tracestate", "baggage"];
// What frames the request, or is this file's own.
const NEVER_FORWARDED = new RegExp(
  "^(ce-.*|content-(type|length|encoding)|host|connection|keep-alive|transfer-encoding|upgrade|te|trailer" +
    "|expect|proxy-.*|idempotency-key|sluice-dropped)$",
);

/**
 * The names of FORWARD_HEADERS in lower case, and those that always go.
 *
 * @throws {TypeError} one is no name of a header, or is not a message's to set
 */
export function forwardedNames(names: readonly string[]): readonly string[] {
  const lower = names.map((name) => name.toLowerCase());
  // As a key of an object, `__proto__` is no name.
  if (!lower.every((name) => /^(?!__proto__$)[\w!#$%&'*+.^`|~-]+$/.test(name)))
    throw invalidVar("FORWARD_HEADERS", "must be a comma list of header names");
  if (lower.some((name) => NEVER_FORWARDED.test(name)))
    throw invalidVar("FORWARD_HEADERS", "has a name that frames the request, or that the Worker sets itself");
  return [...ALWAYS_FORWARDED, ...lower];
}
