// UTF-8, strictly or leniently. A byte order mark at the beginning is no part of a text, as
// everywhere on the web, but it is of a name. Pure.

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });
const lenient = new TextDecoder();
const verbatim = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true });

/** The text; undefined where the bytes are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return strict.decode(bytes);
  } catch {
    return undefined;
  }
}

/** The text, with U+FFFD for what is not UTF-8. */
export function decodeLossy(bytes: Uint8Array): string {
  return lenient.decode(bytes);
}

/** A name, as a subject is, with all of its characters, and U+FFFD for what is not UTF-8. */
export function decodeName(bytes: Uint8Array): string {
  return verbatim.decode(bytes);
}
