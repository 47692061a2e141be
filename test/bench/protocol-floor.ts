// The physical floor of a small drain: the NATS protocol by hand over a bare WebSocket. One frame signs in and pulls, one acks what a
// frame brought, and a PONG proves that the server has read it. No library, no handler, no clock: it only works when nothing fails.
import { NANOS_PER_MS } from "../../src/deadline.ts";
import type { Job } from "./contenders.ts";

const INBOX = "_INBOX.floor";

/** Resolves to the messages that were acked. */
export function drainByHand(job: Job): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  // A frame's bytes are its characters, so that a length in bytes is one of text. (windows-1252, by that name)
  const decoder = new TextDecoder("latin1");
  const socket = new WebSocket(job.url);
  socket.binaryType = "arraybuffer";
  let opened = false;
  let unread = "";
  let acked = 0;
  socket.addEventListener("error", () => reject(new Error("the socket failed")));
  socket.addEventListener("message", ({ data }) => {
    unread += typeof data === "string" ? data : decoder.decode(data as ArrayBuffer); // as binaryType says
    let acks = "";
    for (;;) {
      const end = unread.indexOf("\r\n");
      if (end === -1) break;
      const words = unread.slice(0, end).split(" ");
      let next = end + 2;
      if (words[0] === "MSG" || words[0] === "HMSG") {
        next += Number(words.at(-1)) + 2;
        if (unread.length < next) break;
        // Words: MSG, subject, sid, reply, size. What has no reply is a status, and none is due.
        const reply = words[0] === "MSG" ? words[3] : "";
        if (!reply) return reject(new Error(unread));
        acks += `PUB ${reply} 4\r\n+ACK\r\n`;
        acked += 1;
      } else if (words[0] === "INFO" && !opened) {
        // Another INFO may come at any time.
        opened = true;
        socket.send(opening(job));
      } else if (words[0] === "PONG" && acked >= job.batch) {
        socket.close();
        resolve(acked);
      }
      unread = unread.slice(next);
    }
    if (acks) socket.send(acked >= job.batch ? `${acks}PING\r\n` : acks);
  });
  return promise;
}

function opening({ user, pass, stream, consumer, batch, maxWaitMs }: Job): string {
  const connect = {
    verbose: false,
    pedantic: false,
    protocol: 1,
    headers: true,
    no_responders: true,
    user,
    pass,
  };
  const expires = maxWaitMs * NANOS_PER_MS;
  const pull = JSON.stringify({ batch, expires, no_wait: true, idle_heartbeat: 1_000 * NANOS_PER_MS });
  const subject = `$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`;
  return `CONNECT ${JSON.stringify(connect)}\r\nPING\r\nSUB ${INBOX} 1\r\nPUB ${subject} ${INBOX} ${pull.length}\r\n${pull}\r\n`;
}
