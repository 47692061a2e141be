// Exit codes of `sluice`, and what a wrong command line is answered with.

/** The exit codes of `sluice`, after sysexits(3) where that has one. */
export const EXIT = { ok: 0, failure: 1, usage: 64, retry: 75, config: 78 } as const;

/** The command line is wrong; the message is one line that names the argument, and where help is. */
export class UsageError extends Error {
  override readonly name = "UsageError";

  /** @param command whose help to see: `sluice redrive` */
  constructor(what: string, command: string, options?: ErrorOptions) {
    super(`${what}; see ${command} --help`, options);
  }
}

/** The command line is right, and a file that it names is not: there is nothing to retry. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/** @throws {UsageError} the value of `option` is no whole number from 1 */
export function readCount(command: string, option: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const count = /^\d{1,9}$/.test(value) ? Number(value) : 0;
  if (count < 1) throw new UsageError(`${option} must be a whole number from 1, not '${value}'`, command);
  return count;
}
