#!/usr/bin/env node
// The `sluice` command: ends it on Ctrl-C, and turns what it throws into one line and an exit code.
import { debuglog } from "node:util";
import { runProgram } from "./program.ts";
import { printable } from "./terminal.ts";
import { ConfigError, EXIT, UsageError } from "./usage.ts";

/** What a shell reports for a program that the signal ended. */
const SIGNAL_EXIT_CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

class Interrupted extends Error {
  override readonly name = "Interrupted";
  readonly exitCode: number;
  constructor(signal: keyof typeof SIGNAL_EXIT_CODES) {
    super(`ended by ${signal}`);
    this.exitCode = SIGNAL_EXIT_CODES[signal];
  }
}

async function main(args: readonly string[]): Promise<number> {
  const signal = abortOnSignals();
  let code: number = EXIT.ok;
  try {
    const end = (given: number): void => {
      code = given;
    };
    await runProgram(args, { signal, end });
    return code;
  } catch (error) {
    // What fails after the signal fails because of it: the terminal sends Ctrl-C to the servers too.
    if (signal.reason instanceof Interrupted) return signal.reason.exitCode;
    return complain(error);
  }
}

function abortOnSignals(): AbortSignal {
  const controller = new AbortController();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    // Not once(): under npm a Ctrl-C arrives twice, from the terminal and passed on, and the second
    // must not cut the cleaning up short.
    process.on(name, () => controller.abort(new Interrupted(name)));
  }
  return controller.signal;
}

/** One line: the stack trace of a server that is not there helps nobody. `NODE_DEBUG=sluice` prints it. */
function complain(error: unknown): number {
  const message = error instanceof Error ? error.message : String(error);
  debuglog("sluice")("%O", error);
  const [line = ""] = message.split("\n");
  process.stderr.write(`sluice: ${printable(line)}\n`);
  if (error instanceof ConfigError) return EXIT.config;
  return error instanceof UsageError ? EXIT.usage : EXIT.failure;
}

process.exitCode = await main(process.argv.slice(2));
