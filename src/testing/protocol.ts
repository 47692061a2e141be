// The server's half of the NATS client protocol, as far as a drain speaks it: what a client sends
// is read, what a server sends is written.
// https://docs.nats.io/reference/reference-protocols/nats-protocol
import { HeaderMap } from "../message/headers.ts";

/** A message that a client published, by PUB or HPUB. */
export interface ClientPublish {
  readonly op: "PUB";
  readonly subject: string;
  readonly reply: string | undefined;
  readonly headers: HeaderMap;
  readonly data: Uint8Array;
}

/** One command of a client. */
export type ClientCommand =
  | ClientPublish
  /** `options`: as they were sent, JSON. */
  | { readonly op: "CONNECT"; readonly options: string }
  | { readonly op: "PING" }
  | { readonly op: "PONG" }
  | { readonly op: "SUB"; readonly subject: string; readonly sid: string }
  /** `max`: only after that many messages. */
  | { readonly op: "UNSUB"; readonly sid: string; readonly max: number | undefined };

const CRLF = "\r\n";
const CR = 13;
const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** Takes bytes as they come, in whatever pieces, and gives commands. */
export class ClientParser {
  #rest: Uint8Array = new Uint8Array();

  /** @throws {SyntaxError} at a command that no client has */
  push(bytes: Uint8Array): ClientCommand[] {
    this.#rest = concat([this.#rest, bytes]);
    const commands: ClientCommand[] = [];
    for (let command = this.#next(); command !== undefined; command = this.#next()) commands.push(command);
    return commands;
  }

  #next(): ClientCommand | undefined {
    // A CR in a line can only be its end: subjects and JSON have none.
    const end = this.#rest.indexOf(CR);
    if (end < 0 || end + 1 >= this.#rest.length) return undefined;
    const line = decoder.decode(this.#rest.subarray(0, end));
    const [op = "", ...args] = line.split(/\s+/);
    const bodyAt = end + CRLF.length;
    if (op === "PUB" || op === "HPUB") return this.#publish(args, bodyAt, op === "HPUB");
    this.#rest = this.#rest.subarray(bodyAt);
    switch (op) {
      case "CONNECT":
        return { op, options: line.slice(op.length) };
      case "PING":
      case "PONG":
        return { op };
      case "SUB":
        // SUB <subject> [queue group] <sid>
        return { op, subject: args[0] ?? "", sid: args.at(-1) ?? "" };
      case "UNSUB":
        return { op, sid: args[0] ?? "", max: args[1] === undefined ? undefined : Number(args[1]) };
      default:
        throw new SyntaxError(`no client sends ${JSON.stringify(line.slice(0, 80))}`);
    }
  }

  /**
   * `PUB <subject> [reply] <bytes>`, or `HPUB <subject> [reply] <header bytes> <total bytes>`, and the body.
   */
  #publish(args: readonly string[], bodyAt: number, withHeaders: boolean): ClientPublish | undefined {
    const sizes = withHeaders ? 2 : 1;
    const dataAt = bodyAt + (withHeaders ? Number(args.at(-2)) : 0);
    const end = bodyAt + Number(args.at(-1));
    if (this.#rest.length < end + CRLF.length) return undefined;
    const headers = new HeaderMap(this.#rest.subarray(bodyAt, dataAt));
    // A copy: the client may use its buffer again.
    const data = this.#rest.slice(dataAt, end);
    this.#rest = this.#rest.subarray(end + CRLF.length);
    const reply = args.length > 1 + sizes ? args[1] : undefined;
    return { op: "PUB", subject: args[0] ?? "", reply, headers, data };
  }
}

/** What a server sends to a subscription. */
export interface ServerMessage {
  readonly subject: string;
  readonly reply?: string | undefined;
  /** `404 No Messages`: makes it a status message. */
  readonly status?: string | undefined;
  readonly headers?: Iterable<readonly [name: string, values: readonly string[]]> | undefined;
  readonly data?: Uint8Array | string | undefined;
}

/** MSG, or HMSG where there is a status or a header. */
export function encodeMessage(
  { subject, reply, status, headers, data = "" }: ServerMessage,
  sid: string,
): Uint8Array {
  const fields = Array.from(headers ?? [], ([key, values]) =>
    values.map((value) => `${key}: ${value}${CRLF}`).join(""),
  ).join("");
  const body = typeof data === "string" ? encoder.encode(data) : data;
  const to = [subject, sid, ...(reply === undefined ? [] : [reply])].join(" ");
  if (status === undefined && fields === "")
    return concat([encodeLine(`MSG ${to} ${body.length}`), body, encodeLine("")]);
  const head = encoder.encode(`NATS/1.0${status === undefined ? "" : ` ${status}`}${CRLF}${fields}${CRLF}`);
  const line = encodeLine(`HMSG ${to} ${head.length} ${head.length + body.length}`);
  return concat([line, head, body, encodeLine("")]);
}

export function encodeLine(line: string): Uint8Array {
  return encoder.encode(`${line}${CRLF}`);
}

/** One after the other, in memory of their own. */
export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
