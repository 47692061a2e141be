// What the demo shows while it works: a bar below the lines on a terminal, plain lines anywhere else.
import { MultiBar } from "cli-progress";

export interface Progress {
  /** Writes a line; on a terminal above the bar. */
  line(text: string): void;
  /** Shows how far the work is, until {@link end}. */
  update(done: number, total: number): void;
  /** Takes the bar away for good; lines can still be written. */
  end(): void;
}

/** A bar where `output` can redraw a line; a log, a pipe and `TERM=dumb` cannot. */
export function startProgress(
  output: NodeJS.WriteStream,
  terminal: string | undefined = process.env.TERM,
): Progress {
  const line = (text: string): void => void output.write(`${text}\n`);
  if (!output.isTTY || terminal === "dumb") return { line, update: () => {}, end: () => {} };
  const format = "[{bar}] {value} of {total}";
  const settings = { stream: output, format, barsize: 32, clearOnComplete: true, hideCursor: true };
  const bars = new MultiBar({ ...settings, barCompleteChar: "█", barIncompleteChar: "░" });
  let bar: ReturnType<MultiBar["create"]> | undefined;
  // A line waits for the bars to be drawn, and the end draws them no more.
  const log = (text: string): void => {
    bars.log(`${text}\n`);
    bars.update();
  };
  return {
    line: (text) => (bars.isActive ? log(text) : line(text)),
    update: (done, total) => {
      bar ??= bars.create(total, 0);
      bar.update(done);
      bars.update();
    },
    end: () => bars.stop(),
  };
}
