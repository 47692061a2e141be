// Publishes bytes that no client library would: a header block as given, by HPUB over plain TCP.
// nats-server looks at sizes only.
import { once } from "node:events";
import { connect } from "node:net";

export interface RawMessage {
  readonly subject: string;
  /**
   * The header block, one character a byte, with its first line and the empty last one. @default
   * none: PUB
   */
  readonly block?: string;
  /** One character a byte. @default empty */
  readonly body?: string;
  /** @default 1 */
  readonly count?: number;
}

export interface RawLogin {
  readonly port: number;
  readonly user: string;
  readonly pass: string;
}

/** A header block of these lines. */
export function blockOf(...lines: readonly string[]): string {
  return `NATS/1.0\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n`;
}

/** Publishes them in order; resolves when the server has read them all. */
export async function publishRaw(
  { port, user, pass }: RawLogin,
  messages: readonly RawMessage[],
): Promise<void> {
  const socket = connect(port, "127.0.0.1").setEncoding("latin1");
  let said = "";
  const answered = new Promise<void>((resolve, reject) => {
    socket.on("data", (chunk: string) => {
      said += chunk;
      if (said.includes("-ERR")) reject(new Error(said.slice(said.indexOf("-ERR")).trim()));
      if (said.includes("PONG\r\n")) resolve();
    });
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("nats-server closed the connection")));
  });
  try {
    await once(socket, "connect");
    const login = JSON.stringify({
      verbose: false,
      pedantic: false,
      headers: true,
      no_responders: true,
      user,
      pass,
    });
    socket.write(`CONNECT ${login}\r\n`);
    for (const message of messages) {
      const bytes = Buffer.from(encode(message), "latin1");
      for (let left = message.count ?? 1; left > 0; left -= 1) socket.write(bytes);
    }
    socket.write("PING\r\n");
    await answered;
  } finally {
    socket.removeAllListeners("close").destroy();
  }
}

function encode({ subject, block, body = "" }: RawMessage): string {
  if (block === undefined) return `PUB ${subject} ${body.length}\r\n${body}\r\n`;
  return `HPUB ${subject} ${block.length} ${block.length + body.length}\r\n${block}${body}\r\n`;
}
