// The header block of a message, as bytes: read in one pass, whatever is in it, and written. Pure.
//
// nats-server stores and delivers any bytes as headers. nats-core's own reader throws on a name
// with a space or beyond ASCII and on a lone CR or LF in a value, and takes a second for 64 KB of
// short headers: a message that nobody could handle.
//
// A block is read as a "binary string" here, one character a byte, so that what is not UTF-8 is
// written as it came.

/** What a block says. Values are binary strings: see {@link textOf}. */
export interface HeaderFields {
  /** Values by name, names as they are spelled, both in order. */
  readonly values: Map<string, string[]>;
  /** Names of what could not be read, as {@link listNames} gives them. */
  readonly dropped: readonly string[];
}

const CRLF = "\r\n";
const VERSION = "NATS/1.0";
const NAME = /^[!-9;-~]+$/;

/** Reads a block. Never throws. */
export function readFields(block: string): HeaderFields {
  const values = new Map<string, string[]>();
  const dropped = new NameList();
  let at = 0;
  while (at < block.length) {
    const crlf = block.indexOf(CRLF, at);
    const end = crlf < 0 ? block.length : crlf;
    const line = block.slice(at, end);
    if (line !== "" && !(at === 0 && line.startsWith(VERSION))) readField(line, values, dropped);
    at = end + CRLF.length;
  }
  return { values, dropped: dropped.list() };
}

function readField(line: string, values: Map<string, string[]>, dropped: NameList): void {
  const colon = line.indexOf(":");
  const name = colon < 0 ? line : line.slice(0, colon);
  const value = colon < 0 ? undefined : trimSpace(line.slice(colon + 1));
  if (value === undefined || !isName(name) || !isValue(value)) dropped.add(name);
  else addValue(values, name, value);
}

/** Adds to the values that the name has. */
export function addValue(values: Map<string, string[]>, name: string, value: string): void {
  const known = values.get(name);
  if (known) known.push(value);
  else values.set(name, [value]);
}

/** Printable ASCII without the colon: what every client can read. */
export function isName(name: string): boolean {
  return NAME.test(name);
}

/** One line. */
export function isValue(value: string): boolean {
  return !/[\r\n]/.test(value);
}

/**
 * Without the spaces and tabs around it, which are no part of a value. A loop: a pattern would look
 * at each space of a run again.
 */
export function trimSpace(text: string): string {
  let from = 0;
  let to = text.length;
  while (from < to && isSpace(text.charCodeAt(from))) from += 1;
  while (to > from && isSpace(text.charCodeAt(to - 1))) to -= 1;
  return text.slice(from, to);
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/** The status in a block's first line, `NATS/1.0 404 No Messages`; code 0 where there is none. */
export function readStatus(block: string): { readonly code: number; readonly description: string } {
  const end = block.indexOf(CRLF);
  const line = end < 0 ? block : block.slice(0, end);
  const [, code, description = ""] = /^NATS\/1\.0[ \t]+(\d{1,3})(?!\d)(.*)$/s.exec(line) ?? [];
  return { code: Number(code ?? 0), description: textOf(trimSpace(description)) };
}

/** The block of these values; empty where there are none. */
export function writeFields(values: ReadonlyMap<string, readonly string[]>): string {
  if (values.size === 0) return "";
  const lines = [VERSION];
  for (const [name, all] of values) for (const value of all) lines.push(`${name}: ${value}`);
  return `${lines.join(CRLF)}${CRLF}${CRLF}`;
}

// So many bytes at a time become a string: each is an argument, and an engine takes so many and no more.
const CHUNK = 8_192;
const BEYOND_ASCII = /[^\0-\x7f]/;
const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** One character a byte. */
export function binaryOf(bytes: Uint8Array): string {
  const ascii = decoder.decode(bytes); // the fast way, for what almost every block is
  if (ascii.length === bytes.length && !BEYOND_ASCII.test(ascii)) return ascii;
  let text = "";
  for (let at = 0; at < bytes.length; at += CHUNK) {
    text += String.fromCharCode(...bytes.subarray(at, at + CHUNK));
  }
  return text;
}

/** One byte a character. */
export function bytesOf(binary: string): Uint8Array {
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at += 1) bytes[at] = binary.charCodeAt(at);
  return bytes;
}

/** A binary string as text: UTF-8, with U+FFFD for what is none. */
export function textOf(binary: string): string {
  return BEYOND_ASCII.test(binary) ? decoder.decode(bytesOf(binary)) : binary;
}

/** Text as a binary string of its UTF-8. */
export function binaryOfText(text: string): string {
  return BEYOND_ASCII.test(text) ? binaryOf(encoder.encode(text)) : text;
}

const MAX_LISTED = 20;
const MAX_NAME_LENGTH = 60;

/**
 * Names of headers, as one may print them: printable ASCII, percent-encoded beyond it, each and all
 * of them bounded.
 */
class NameList {
  readonly #names = new Set<string>();
  readonly #seen = new Set<string>();
  #more = 0;

  /** @param name a binary string */
  add(name: string): void {
    if (this.#seen.has(name)) return;
    if (this.#names.size >= MAX_LISTED) {
      this.#more += 1;
      return;
    }
    this.#seen.add(name);
    this.#names.add(escapeName(name));
  }

  list(): string[] {
    return this.#more === 0 ? [...this.#names] : [...this.#names, `and ${this.#more} more`];
  }
}

/** Names of headers for a list that one may print: see {@link HeaderFields.dropped}. */
export function listNames(names: Iterable<string>): string[] {
  const list = new NameList();
  for (const name of names) list.add(name);
  return list.list();
}

function escapeName(name: string): string {
  if (name === "") return "(empty)";
  const escaped = name
    .slice(0, MAX_NAME_LENGTH)
    .replace(/[^!-~]|[%,]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`);
  return name.length > MAX_NAME_LENGTH ? `${escaped}...` : escaped;
}
