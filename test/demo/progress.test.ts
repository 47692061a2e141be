// The progress of the demo on a terminal and without one.
import { expect, it } from "vitest";
import { bar, startProgress } from "../../src/demo/progress.ts";

function output(isTTY: boolean): { isTTY: boolean; text: string; write(text: string): boolean } {
  return {
    isTTY,
    text: "",
    write(text) {
      this.text += text;
      return true;
    },
  };
}

const bars: [done: number, total: number, text: string][] = [
  [0, 8, "[░░░░] 0 of 8"],
  [2, 8, "[█░░░] 2 of 8"],
  [8, 8, "[████] 8 of 8"],
  [9, 8, "[████] 9 of 8"],
  [0, 0, "[████] 0 of 0"],
];
it.each(bars)("the bar for %d of %d is %s", (done, total, text) => {
  expect(bar(done, total, 4)).toBe(text);
});

it("on a terminal, a line takes the bar's place and the bar moves below it", () => {
  const terminal = output(true);
  const progress = startProgress(terminal, "xterm");
  progress.update(1, 2);
  const drawn = terminal.text.slice("\r\x1b[2K".length);
  progress.line("a line");
  expect(terminal.text.endsWith(`${drawn}\r\x1b[2Ka line\n${drawn}`)).toBe(true);
});

it("without a terminal, and on a dumb one, each quarter is one plain line", () => {
  for (const [log, term] of [[output(false), "xterm"] as const, [output(true), "dumb"] as const]) {
    const progress = startProgress(log, term);
    for (let done = 0; done <= 9; done += 1) progress.update(done, 9);
    expect(log.text).toBe("received 3 of 9\nreceived 5 of 9\nreceived 7 of 9\nreceived 9 of 9\n");
  }
});

it("nothing more is drawn once it has ended", () => {
  for (const isTTY of [true, false]) {
    const to = output(isTTY);
    const progress = startProgress(to, "xterm");
    progress.end();
    progress.update(1, 1);
    expect(to.text).toBe("");
  }
});
