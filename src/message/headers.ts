// Headers as a handler sees them: nats-core's interface, over our own reader, which nothing can
// make throw or take long.
import { Match, type MsgHdrs } from "@nats-io/nats-core";
import {
  addValue,
  binaryOf,
  binaryOfText,
  bytesOf,
  type HeaderFields,
  isName,
  isValue,
  readFields,
  readStatus,
  textOf,
  trimSpace,
  writeFields,
} from "./header-block.ts";
import { headerBlockOf } from "./raw.ts";
import type { RawMessage } from "./received.ts";

/** The headers of a message, as nats-core has them, and what could not be read of them. */
export interface MessageHeaders extends MsgHdrs {
  /**
   * Names of headers that no client can carry, and that are left out: a name with a space or beyond
   * ASCII, a lone CR or LF in a value, a line that is no header. Percent-encoded, at most 20, then
   * how many more there are.
   */
  readonly dropped: readonly string[];
}

/** Headers by name, with any of their values a record or nats-core's own. */
export type HeadersGiven = MsgHdrs | Readonly<Record<string, string | readonly string[]>>;

/**
 * The headers of a message as it came; none where it has none. Read when they are
 * asked for, in one pass. Never throws.
 */
export function readHeaders(msg: RawMessage): HeaderMap {
  const block = headerBlockOf(msg);
  if (block) return new HeaderMap(block);
  try {
    return copyHeaders(msg.headers);
  } catch {
    return new HeaderMap(undefined, ["(all)"]);
  }
}

/**
 * A copy, which may be written to. `keep` chooses by name.
 *
 * @throws {TypeError} when a name or a value is not one
 */
export function copyHeaders(
  given: HeadersGiven | undefined,
  keep: (name: string) => boolean = () => true,
): HeaderMap {
  if (given instanceof HeaderMap) return given.copy(keep);
  const copy = new HeaderMap();
  if (given === undefined) return copy;
  for (const [name, values] of Symbol.iterator in given ? given : Object.entries(given)) {
    if (!keep(name)) continue;
    for (const value of typeof values === "string" ? [values] : values) copy.append(name, value);
  }
  return copy;
}

/** nats-core's `MsgHdrs`, which it publishes as its own: all that it calls then is `encode()`. */
export class HeaderMap implements MessageHeaders {
  readonly #block: string;
  #fields: HeaderFields | undefined;

  constructor(block?: Uint8Array, dropped?: readonly string[], values?: Map<string, string[]>) {
    this.#block = block === undefined || block.length === 0 ? "" : binaryOf(block);
    if (dropped || values) this.#fields = { values: values ?? new Map(), dropped: dropped ?? [] };
  }

  get #read(): HeaderFields {
    this.#fields ??= readFields(this.#block);
    return this.#fields;
  }

  get dropped(): readonly string[] {
    return this.#read.dropped;
  }

  /** Those whose names `keep` chooses, byte for byte, and what was dropped. */
  copy(keep: (name: string) => boolean): HeaderMap {
    const values = new Map<string, string[]>();
    for (const [name, all] of this.#read.values) if (keep(name)) values.set(name, [...all]);
    return new HeaderMap(undefined, this.dropped, values);
  }

  get code(): number {
    return readStatus(this.#block).code;
  }
  get description(): string {
    return readStatus(this.#block).description;
  }
  get status(): string {
    return `${this.code} ${this.description}`.trim();
  }
  get hasError(): boolean {
    return this.code >= 300;
  }

  *[Symbol.iterator](): IterableIterator<[string, string[]]> {
    for (const [name, all] of this.#read.values) yield [name, all.map(textOf)];
  }
  keys(): string[] {
    return [...this.#read.values.keys()];
  }
  size(): number {
    return this.#read.values.size;
  }
  has(name: string, match?: Match): boolean {
    return this.#find(name, match).length > 0;
  }
  get(name: string, match?: Match): string {
    const [first] = this.#raw(name, match);
    return first === undefined ? "" : textOf(first);
  }
  last(name: string, match?: Match): string {
    const last = this.#raw(name, match).at(-1);
    return last === undefined ? "" : textOf(last);
  }
  values(name: string, match?: Match): string[] {
    return this.#find(name, match).flatMap((found) => this.#raw(found).map(textOf));
  }
  toRecord(): Record<string, string[]> {
    return Object.fromEntries(this);
  }

  /** @throws {TypeError} when a name or a value is not one, which is not quoted */
  append(name: string, value: string, match?: Match): void {
    if (!isName(name))
      throw new TypeError("a header's name must be of printable ASCII characters, without a colon");
    if (!isValue(value)) throw new TypeError(`header ${name}: the value must have no line break`);
    const known = this.#find(name, match)[0] ?? (match === Match.CanonicalMIME ? canonical(name) : name);
    addValue(this.#read.values, known, binaryOfText(trimSpace(value)));
  }
  /** @throws {TypeError} as {@link append} does */
  set(name: string, value: string, match?: Match): void {
    this.delete(name, match);
    this.append(name, value, match);
  }
  delete(name: string, match?: Match): void {
    for (const found of this.#find(name, match)) this.#read.values.delete(found);
  }

  /** The header block. */
  encode(): Uint8Array {
    return bytesOf(writeFields(this.#read.values));
  }
  toString(): string {
    return textOf(writeFields(this.#read.values));
  }

  /** The values of the first name that matches. */
  #raw(name: string, match?: Match): readonly string[] {
    const [found] = this.#find(name, match);
    return found === undefined ? [] : (this.#read.values.get(found) ?? []);
  }

  /** Exact unless said otherwise, as nats-core does. */
  #find(name: string, match: Match = Match.Exact): string[] {
    const { values } = this.#read;
    if (match === Match.IgnoreCase) {
      const lower = name.toLowerCase();
      return this.keys().filter((key) => key.toLowerCase() === lower);
    }
    const key = match === Match.CanonicalMIME ? canonical(name) : name;
    return values.has(key) ? [key] : [];
  }
}

/** `content-type` as `Content-Type`. */
function canonical(name: string): string {
  return name.toLowerCase().replace(/(^|-)([a-z])/g, (initial) => initial.toUpperCase());
}
