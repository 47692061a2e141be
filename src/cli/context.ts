// What every sub-command is made with.
import type { Command } from "commander";
import { UsageError } from "./usage.ts";

/** What a sub-command gets beside its options. */
export interface Context {
  /** Aborts on Ctrl-C and SIGTERM. */
  readonly signal: AbortSignal;
  /** Is told the exit code. */
  readonly end: (code: number) => void;
}

/** Makes wrong arguments of `command` a {@link UsageError}; `name` is the command in full. */
export const strict = (command: Command, name: string): Command =>
  command
    .allowExcessArguments(false)
    .showSuggestionAfterError(false)
    .configureOutput({ outputError: () => {} })
    .exitOverride((error) => {
      if (error.exitCode === 0) throw error; // The help or the version, which has been printed.
      if (error.code === "commander.help") throw new UsageError("A command is missing", name);
      // Its value may be a secret, under a name that is none of ours.
      const told = error.message
        .replace(/^error: /, "")
        .replace(/^(unknown option '[^'=]*)=.*'$/is, "$1'")
        .replace(/\.$/, "");
      throw new UsageError(`${told.charAt(0).toUpperCase()}${told.slice(1)}`, name, { cause: error });
    });
