// What a pull request's inbox tells by the way: of a delivery its size, of a status its kind. Pure.
import type { RawMessage } from "../message/received.ts";

/** As the server counts it for `max_bytes`: subject, ack subject, headers and body. */
export function sizeOf(msg: RawMessage): number {
  return "size" in msg && typeof msg.size === "function" ? Number(msg.size()) : msg.data.length;
}

export function isOutOfBytes(description: string): boolean {
  return description.toLowerCase().includes("maxbytes");
}
