// What a sub-command of `sluice` is: its options in one table, from which its arguments are read and its help is made.
import { parseArgs } from "node:util";

/** The exit codes of `sluice`, after sysexits(3) where that has one. */
export const EXIT = { ok: 0, failure: 1, usage: 64 } as const;

/** One option of a command, `--name` or `--name <placeholder>`. */
interface Option {
  readonly type: "boolean" | "string";
  /** What stands for the value in the help, of a string. */
  readonly placeholder?: string;
  /** One line for the help. */
  readonly description: string;
}

type Options = Readonly<Record<string, Option>>;

/** What the arguments gave: absent where an option was left out. */
type Values<T extends Options> = {
  readonly [Name in keyof T]?: T[Name]["type"] extends "boolean" ? boolean : string;
};

export interface CommandDefinition<T extends Options> {
  readonly name: string;
  /** What it does, as paragraphs for its help. */
  readonly description: string;
  readonly options: T;
  /**
   * Does the work and cleans up after itself.
   *
   * @param signal aborts on Ctrl-C and SIGTERM
   * @returns the exit code
   */
  run(values: Values<T>, signal: AbortSignal): Promise<number>;
}

/** A command whose options are known to itself only. */
export interface Command {
  readonly help: string;
  /** @throws {@link UsageError} for an argument that the command does not take */
  run(args: readonly string[], signal: AbortSignal): Promise<number>;
}

/** The command line is wrong; the message is one line that names the argument, and where help is to be had. */
export class UsageError extends Error {
  override readonly name = "UsageError";

  /** @param command whose help to see: `sluice start` */
  constructor(what: string, command: string, options?: ErrorOptions) {
    super(`${what}; see ${command} --help`, options);
  }
}

/** Makes a command from its definition; `--help` comes with every one. */
export function defineCommand<const T extends Options>(definition: CommandDefinition<T>): Command {
  const help = helpText(definition);
  return {
    help,
    run: async (args, signal) => {
      const { help: wantsHelp, ...values } = readArguments(args, definition);
      if (wantsHelp === true) {
        process.stdout.write(help);
        return EXIT.ok;
      }
      // parseArgs in strict mode gives exactly the options of the table, each of its type.
      return await definition.run(values as Values<T>, signal);
    },
  };
}

/**
 * Reads arguments in strict mode.
 *
 * @throws {@link UsageError}
 */
function readArguments(
  args: readonly string[],
  { name, options }: Pick<CommandDefinition<Options>, "name" | "options">,
): Record<string, unknown> {
  try {
    const withHelp = { ...options, help: HELP_OPTION };
    return parseArgs({ args: [...args], options: withHelp, strict: true, allowPositionals: false }).values;
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause;
    // Node appends advice about "--", which no command here takes.
    const [told = cause.message] = cause.message.split(/\. |\n/);
    throw new UsageError(told, `sluice ${name}`, { cause });
  }
}

/** Two columns, as helps have them. */
export function columns(rows: readonly (readonly [left: string, right: string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}\n`).join("");
}

const HELP_OPTION: Option = { type: "boolean", description: "Print this help." };

function helpText({ name, description, options }: CommandDefinition<Options>): string {
  const rows = Object.entries({ ...options, help: HELP_OPTION }).map(
    ([option, { placeholder, description: text }]): [string, string] => [
      placeholder === undefined ? `--${option}` : `--${option} <${placeholder}>`,
      text,
    ],
  );
  return `Usage: sluice ${name} [options]\n\n${description}\n\nOptions:\n${columns(rows)}`;
}
