// The server's half of the NATS client protocol, as far as the scripted server needs it: reads what a client sends, writes
// what a server sends. https://docs.nats.io/reference/reference-protocols/nats-protocol

/** One command of a client. */
export type ClientCommand =
  | { readonly op: "CONNECT"; readonly options: unknown }
  | { readonly op: "PING" }
  | { readonly op: "PONG" }
  | { readonly op: "SUB"; readonly subject: string; readonly sid: string }
  /** `max`: only after that many messages. */
  | { readonly op: "UNSUB"; readonly sid: string; readonly max: number | undefined }
  /** PUB and HPUB. */
  | {
      readonly op: "PUB";
      readonly subject: string;
      readonly reply: string | undefined;
      /** The header block as it was sent; empty for PUB. */
      readonly headers: string;
      readonly text: string;
    };

const CRLF = "\r\n";

/** Takes bytes as they come, in whatever pieces, and gives commands. */
export class ClientParser {
  #rest: Buffer = Buffer.alloc(0);

  /** @throws {SyntaxError} at a command that no client has */
  push(bytes: Buffer): ClientCommand[] {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    const commands: ClientCommand[] = [];
    for (let command = this.#next(); command !== undefined; command = this.#next()) commands.push(command);
    return commands;
  }

  #next(): ClientCommand | undefined {
    const end = this.#rest.indexOf(CRLF);
    if (end < 0) return undefined;
    const line = this.#rest.toString("utf8", 0, end);
    const args = line.split(/\s+/).slice(1);
    const bodyAt = end + CRLF.length;
    const op = line.split(/\s/, 1)[0]?.toUpperCase();
    if (op === "PUB" || op === "HPUB") return this.#publish(args, bodyAt, op === "HPUB");
    this.#rest = this.#rest.subarray(bodyAt);
    switch (op) {
      case "CONNECT":
        return { op, options: JSON.parse(line.slice("CONNECT".length)) };
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

  /** `PUB <subject> [reply] <bytes>`, or `HPUB <subject> [reply] <header bytes> <total bytes>`, and the body. */
  #publish(args: readonly string[], bodyAt: number, withHeaders: boolean): ClientCommand | undefined {
    const sizes = withHeaders ? 2 : 1;
    const total = Number(args.at(-1));
    const headerBytes = withHeaders ? Number(args.at(-2)) : 0;
    const bodyEnd = bodyAt + total;
    if (this.#rest.length < bodyEnd + CRLF.length) return undefined;
    const headers = this.#rest.toString("utf8", bodyAt, bodyAt + headerBytes);
    const text = this.#rest.toString("utf8", bodyAt + headerBytes, bodyEnd);
    this.#rest = this.#rest.subarray(bodyEnd + CRLF.length);
    const reply = args.length > 1 + sizes ? args[1] : undefined;
    return { op: "PUB", subject: args[0] ?? "", reply, headers, text };
  }
}

/** What a server sends to a subscription. */
export interface ServerMessage {
  readonly subject: string;
  readonly sid: string;
  readonly reply?: string | undefined;
  /** `100 Idle Heartbeat`: makes it a status message. */
  readonly status?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly text?: string | undefined;
}

/** MSG, or HMSG where there is a status or a header. */
export function encodeMessage(message: ServerMessage): Buffer {
  const { subject, sid, reply, status, headers = {}, text = "" } = message;
  const to = [subject, sid, ...(reply === undefined ? [] : [reply])].join(" ");
  const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}${CRLF}`);
  const body = Buffer.from(text);
  if (status === undefined && fields.length === 0) {
    return Buffer.concat([Buffer.from(`MSG ${to} ${body.length}${CRLF}`), body, Buffer.from(CRLF)]);
  }
  const head = Buffer.from(
    `NATS/1.0${status === undefined ? "" : ` ${status}`}${CRLF}${fields.join("")}${CRLF}`,
  );
  const line = `HMSG ${to} ${head.length} ${head.length + body.length}${CRLF}`;
  return Buffer.concat([Buffer.from(line), head, body, Buffer.from(CRLF)]);
}

export function encodeInfo(info: Readonly<Record<string, unknown>>): Buffer {
  return Buffer.from(`INFO ${JSON.stringify(info)}${CRLF}`);
}
