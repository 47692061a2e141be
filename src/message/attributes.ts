// CloudEvents attributes in headers, `ce-<name>` (NATS protocol binding 1.0, 3.1.3, and the HTTP
// one's likewise). Pure.
import type { MsgHdrs } from "@nats-io/nats-core";

/** Not attributes: the body is the data. */
const RESERVED: readonly string[] = ["data"];

/**
 * Attributes by name, as their headers have them: see {@link decodeAttribute}. Names are lower
 * case, however they are spelled; of several headers for one, the first counts, so that nothing
 * behind it can change what was read before.
 */
export function readAttributes(headers: MsgHdrs): Map<string, string> {
  const attributes = new Map<string, string>();
  // By its keys: of thousands of headers, few values are wanted.
  for (const key of headers.keys()) {
    if (!/^ce-/i.test(key)) continue;
    const name = /^ce-([a-z0-9]+)$/i.exec(key)?.[1]?.toLowerCase();
    if (name === undefined || RESERVED.includes(name) || attributes.has(name)) continue;
    attributes.set(name, headers.get(key));
  }
  return attributes;
}

/**
 * A header's value, percent-decoded once. A `%` that is none of an encoding stays: some SDKs do not
 * encode at all. Undefined where it is encoded but not UTF-8, which the binding refuses.
 */
export function decodeAttribute(value: string): string | undefined {
  if (!value.includes("%")) return value;
  try {
    return value.replace(/(?:%[0-9a-f]{2})+/gi, decodeURIComponent);
  } catch {
    return undefined;
  }
}

/** Nothing to encode: as nearly every value is, and tested in a tenth of the time. */
const PLAIN = /^[\x21\x23\x24\x26-\x7e]*$/;

/** Percent-encodes what a header cannot carry: all but printable ASCII, and space, `"` and `%`. */
export function encodeAttribute(value: string): string {
  if (PLAIN.test(value)) return value;
  // It leaves none of these as it is.
  return value.toWellFormed().replace(/[^\x21\x23\x24\x26-\x7e]+/g, encodeURIComponent);
}
