#!/usr/bin/env node
// The `sluice` command as a process: Ctrl-C ends it, and the process ends with its exit code.
import { Interrupted, runCommand } from "./command.ts";

function abortOnSignals(): AbortSignal {
  const controller = new AbortController();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    // Not once(): under npm a Ctrl-C arrives twice, from the terminal and passed on, and the second
    // must not cut the cleaning up short.
    process.on(name, () => controller.abort(new Interrupted(name)));
  }
  return controller.signal;
}

/** What a module of `sluice run` leaves open, as a pool of connections, may end by itself for so long. */
const GRACE_MS = 10_000;

const signal = abortOnSignals();
process.exitCode = await runCommand(process.argv.slice(2), signal);
// All is said by now. The timer comes due only where something still holds the process.
setTimeout(() => process.exit(), signal.aborted ? 0 : GRACE_MS).unref();
