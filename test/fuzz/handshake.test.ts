// Whatever a peer says first, and in whatever pieces: nothing throws, it ends at most once, and what is passed on is the same.
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { concatenate, Handshake } from "../../src/connection/handshake.ts";
import { FUZZ_TIMEOUT_MS, RUNS } from "./runs.ts";

const line = fc.oneof(
  fc.constantFrom('INFO {"version":"2.15.1"}\r\n', "PING\r\n", "PONG\r\n", "+OK\r\n", "-ERR 'no'\r\n"),
  fc.constantFrom("INFO {}\r\n", "INFO {\r\n", "MSG a 1 1\r\nx\r\n", "PONG\n", "-ERR\r\n", "\r\n"),
  fc.string({ maxLength: 20 }),
);
const said = fc.array(line, { maxLength: 8 }).map((lines) => new TextEncoder().encode(lines.join("")));

/** What comes through, and how often it failed. */
function hear(pieces: readonly Uint8Array[]): { passed: string; failures: string[] } {
  const passed: Uint8Array[] = [];
  const failures: string[] = [];
  const events = {
    info: () => undefined,
    pass: (bytes: Uint8Array) => void passed.push(bytes),
    fail: (problem: string) => void failures.push(problem),
  };
  const handshake = new Handshake(events, 1_000_000);
  for (const piece of pieces) handshake.push(piece.slice());
  handshake.release();
  return { passed: new TextDecoder().decode(concatenate(passed)), failures };
}

test("a handshake is the same in whatever pieces it comes", { timeout: FUZZ_TIMEOUT_MS }, () => {
  fc.assert(
    fc.property(said, fc.nat(), (bytes, at) => {
      const cut = bytes.length === 0 ? 0 : at % bytes.length;
      const whole = hear([bytes]);
      expect(hear([bytes.subarray(0, cut), bytes.subarray(cut)])).toEqual(whole);
      expect(whole.failures.length).toBeLessThanOrEqual(1);
    }),
    RUNS,
  );
});
