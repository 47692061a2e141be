// What programs print is looked through too: loaded once in each worker whose tests may start some.
import { ChildProcess } from "node:child_process";
import { look } from "./leaks-look.ts";

/** Longer than any secret, which two chunks may share. */
const TAIL = 100;

// Its type does not have it; execFile(), spawn() and fork() all come down to it.
const prototype = ChildProcess.prototype as unknown as {
  spawn(this: ChildProcess, ...given: unknown[]): unknown;
};
const { spawn } = prototype;
prototype.spawn = function spawnAndLook(...given) {
  const started = spawn.apply(this, given);
  // The CLI of NATS shows a message when it is asked to, and a bundler answers with the code of the tests themselves.
  const showsAll = /(?:^|[\s/])(?:nats|esbuild)\s/.test([this.spawnfile, ...this.spawnargs].join(" "));
  for (const stream of showsAll ? [] : [this.stdout, this.stderr]) {
    if (!stream) continue;
    let last = "";
    const push = stream.push.bind(stream);
    // Not a listener, which would set the stream flowing before the test listens.
    stream.push = (chunk: unknown, encoding?: BufferEncoding) => {
      const text = chunk === null ? "" : String(chunk);
      look(`the program ${this.spawnfile}`, last + text);
      last = (last + text).slice(-TAIL);
      return push(chunk, encoding);
    };
  }
  return started;
};
