// A refusal of the credentials is heard, however long the sign-in is: nats-server has read all of it by then.
import fc from "fast-check";
import { expect, test } from "vitest";
import { signInFrame } from "../../src/connection/sign-in-frame.ts";
import { defineDrain } from "../../src/index.ts";
import { labNkeyServer, labServer } from "../support/lab-client.ts";

const HEADER_BYTES = 8;
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const line = (word: string, length: number): Uint8Array =>
  new TextEncoder().encode(`${word} ${"x".repeat(length)}\r\n`);

/** Where each of nats-server's reads ends: of 512 bytes, then of twice as many each time. */
function readsOf(bytes: number): number[] {
  const ends: number[] = [];
  for (let size = 512, end = 0; end < bytes; size *= 2) {
    end += size;
    ends.push(end);
  }
  return ends;
}

test("signInFrame ends CONNECT in the read that ends the frame, with no more than spaces behind its word", () => {
  const length = fc.nat(4_000);
  fc.assert(
    fc.property(length, fc.nat(1_500), (connect, behind) => {
      const chunks = [line("CONNECT", connect), line("PING", 0), line("SUB", behind)];
      const frame = text(signInFrame(chunks));
      expect(frame.replace(/^CONNECT +/, "CONNECT ")).toBe(chunks.map(text).join(""));
      const connectEnd = HEADER_BYTES + frame.indexOf("\r\n") + 2;
      const before = readsOf(HEADER_BYTES + frame.length).at(-2) ?? 0;
      expect(connectEnd).toBeGreaterThan(before);
    }),
  );
});

test("signInFrame adds nothing where all is read at once, and does not end where nothing helps", () => {
  const short = [line("CONNECT", 300), line("PING", 0), line("SUB", 60)];
  expect(text(signInFrame(short))).toBe(short.map(text).join(""));
  const long = [line("CONNECT", 300), line("SUB", 200_000)];
  expect(text(signInFrame(long))).toBe(long.map(text).join(""));
});

// In workerd 65 of 100 were a connection that was closed, where CONNECT was in the first 512 bytes and the rest was not.
test("credentials that are wrong are unauthorized, however long a drain's names are", async () => {
  const nkey = await labNkeyServer();
  const user = await labServer();
  const reasons = new Set<string>();
  for (let length = 1; length < 60; length += 3) {
    const names = {
      stream: "S".repeat(length),
      consumer: "C".repeat(length),
      inboxPrefix: `_INBOX_${length}`,
    };
    for (const [servers, auth] of [
      [nkey.wsUrl, { nkeySeed: nkey.wrongSeed }],
      [user.wsUrl, { user: "drain", password: "x".repeat(4 * length) }],
    ] as const) {
      const report = await defineDrain({ ...names, servers, auth, handler: () => {} }).run({
        limitMs: 10_000,
      });
      reasons.add(report.reason);
    }
  }
  expect([...reasons]).toEqual(["unauthorized"]);
});
