// One command line from its arguments to its exit code: what it throws becomes one line.
import { debuglog } from "node:util";
import { runProgram } from "./program.ts";
import { printable } from "./terminal.ts";
import { ConfigError, EXIT, UsageError } from "./usage.ts";

/** What a shell reports for a program that the signal ended. */
const SIGNAL_EXIT_CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/** The reason to abort a command with. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
  readonly exitCode: number;
  constructor(signal: keyof typeof SIGNAL_EXIT_CODES) {
    super(`ended by ${signal}`);
    this.exitCode = SIGNAL_EXIT_CODES[signal];
  }
}

/** Resolves with the exit code, when the command has ended; never rejects. */
export async function runCommand(args: readonly string[], signal: AbortSignal): Promise<number> {
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

/** One line: the stack trace of a server that is not there helps nobody. `NODE_DEBUG=sluice` prints it. */
function complain(error: unknown): number {
  const message = error instanceof Error ? error.message : String(error);
  debuglog("sluice")("%O", error);
  const [line = ""] = message.split("\n");
  process.stderr.write(`sluice: ${printable(line)}\n`);
  if (error instanceof ConfigError) return EXIT.config;
  return error instanceof UsageError ? EXIT.usage : EXIT.failure;
}
