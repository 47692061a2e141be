// The progress of the demo on a terminal and without one.
import { Writable } from "node:stream";
import { expect, it } from "vitest";
import { startProgress } from "../../src/demo/progress.ts";

/** A stream that keeps what is written to it; of a terminal it has what the bar asks for. */
function output(isTTY: boolean) {
  const written: string[] = [];
  const stream = new Writable({
    write(chunk, _encoding, done) {
      written.push(String(chunk));
      done();
    },
  });
  const terminal = { isTTY, columns: 100, cursorTo: () => {}, moveCursor: () => {}, clearLine: () => {} };
  const stub: unknown = Object.assign(stream, { ...terminal, clearScreenDown: () => {} });
  return { stream: stub as NodeJS.WriteStream, text: () => written.join("") };
}

it("on a terminal, lines stand above a bar that says how far the work is", () => {
  const { stream, text } = output(true);
  const progress = startProgress(stream, "xterm");
  progress.line("a line");
  progress.update(1, 2);
  progress.line("another");
  progress.update(2, 2);
  progress.end();
  progress.line("the last");
  expect(text()).toContain("a line\n");
  expect(text()).toContain("another\n");
  expect(text()).toMatch(/█{32}.* 2 of 2/);
  expect(text().endsWith("the last\n")).toBe(true);
});

it("without a terminal, and on a dumb one, there are lines only", () => {
  for (const [isTTY, term] of [[false, "xterm"] as const, [true, "dumb"] as const]) {
    const { stream, text } = output(isTTY);
    const progress = startProgress(stream, term);
    progress.line("a line");
    progress.update(1, 2);
    progress.end();
    expect(text()).toBe("a line\n");
  }
});
