// A consumer that delivers headers only (headers_only) leaves the body in the stream.
import type { Message } from "./message.ts";

/** Whether the body was left away; the server says then how long it is, in bytes. */
export function lacksBody({ data, headers }: Pick<Message<unknown>, "data" | "headers">): boolean {
  return data.length === 0 && Number(headers.last("Nats-Msg-Size")) > 0;
}
