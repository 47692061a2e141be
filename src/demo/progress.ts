// What the demo shows while it works: a bar below the lines on a terminal, plain lines anywhere else.
import { styleText } from "node:util";

export interface Progress {
  /** Writes a line; on a terminal above the bar. */
  line(text: string): void;
  /** Shows how far the work is, until {@link end}. */
  update(done: number, total: number): void;
  /** Takes the bar away for good; lines can still be written. */
  end(): void;
}

/** Where it is shown. */
export type Output = Pick<NodeJS.WriteStream, "isTTY" | "write">;

const BAR_WIDTH = 32;
/** Without a terminal, one line for each such part of the work. */
const PLAIN_STEPS = 4;
const ERASE_LINE = "\r\x1b[2K";

/** A bar where `output` can redraw a line; a log, a pipe and `TERM=dumb` cannot. */
export function startProgress(output: Output, terminal: string | undefined = process.env.TERM): Progress {
  return output.isTTY && terminal !== "dumb" ? drawnProgress(output) : plainProgress(output);
}

/** `[████░░░░] 165 of 329` */
export function bar(done: number, total: number, width: number): string {
  const filled = total === 0 ? width : Math.round((Math.min(done, total) / total) * width);
  return `[${"█".repeat(filled)}${"░".repeat(width - filled)}] ${done} of ${total}`;
}

function drawnProgress(output: Output): Progress {
  let drawn = "";
  let ended = false;
  return {
    line: (text) => void output.write(`${drawn && ERASE_LINE}${text}\n${drawn}`),
    update: (done, total) => {
      if (ended) return;
      drawn = styleText("cyan", bar(done, total, BAR_WIDTH));
      output.write(`${ERASE_LINE}${drawn}`);
    },
    end: () => {
      if (drawn) output.write(ERASE_LINE);
      drawn = "";
      ended = true;
    },
  };
}

function plainProgress(output: Output): Progress {
  let shown = 0;
  let ended = false;
  return {
    line: (text) => void output.write(`${text}\n`),
    update: (done, total) => {
      const step = Math.floor((done / total) * PLAIN_STEPS);
      if (ended || step <= shown) return;
      shown = step;
      output.write(`received ${done} of ${total}\n`);
    },
    end: () => {
      ended = true;
    },
  };
}
