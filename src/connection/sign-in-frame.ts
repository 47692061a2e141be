// The frame of the sign-in, made so that nats-server has read all of it when it refuses the credentials.
//
// It acts on CONNECT at once. What it has not read when it hangs up makes the TCP connection end with a
// reset, and workerd then loses the refusal that came before: no operator would hear of a wrong
// password. Its first read takes 512 bytes, and each full one is followed by one of twice as many
// (startBufSize in its client.go, 2.9 to 2.15), so CONNECT has to end in the read that the frame ends in.
// White space behind the word is skipped, and counts for no limit. Under TLS it reads whole records.
import { concatenate } from "./handshake.ts";

const WORD = "CONNECT".length;
/** Of a client's frame with 126 to 65,535 bytes (RFC 6455, 5.2). */
const HEADER_BYTES = 8;
const FIRST_READ_BYTES = 512;
/** What is behind CONNECT is a few names: more than this has another reason. */
const MAX_SPACES = 2_048;
const SPACE = 32;

/** The chunks in one, with spaces in the first, which is CONNECT, where it needs them. Pure. */
export function signInFrame(chunks: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const [connect = new Uint8Array(), ...rest] = chunks;
  const restBytes = rest.reduce((sum, { length }) => sum + length, 0);
  const spaces = new Uint8Array(spacesNeeded(HEADER_BYTES + connect.length, restBytes)).fill(SPACE);
  return concatenate([connect.subarray(0, WORD), spaces, connect.subarray(WORD), ...rest]);
}

function spacesNeeded(end: number, restBytes: number): number {
  for (let spaces = 0; spaces <= MAX_SPACES; ) {
    const read = lastReadBegins(end + spaces + restBytes);
    if (end + spaces > read) return spaces;
    spaces = read + 1 - end;
  }
  return 0;
}

/** Where the read begins that has the last of so many bytes. */
function lastReadBegins(bytes: number): number {
  let begins = 0;
  for (let size = FIRST_READ_BYTES; begins + size < bytes; size *= 2) begins += size;
  return begins;
}
