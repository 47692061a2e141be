// `sluice redrive`: its options, and what they may be.
import type { Command } from "commander";
import { type Context, strict } from "../context.ts";
import { addLoginOptions, type LoginOptions, readEnvironment, readLogin } from "../login.ts";
import { readCount, UsageError } from "../usage.ts";

const NAME = "sluice redrive";
const DEFAULT_MAX = 1_000;

const DESCRIPTION = `\
Publishes the dead letters of a stream back to where they came from, in order: each with its own body and \
headers, to its own subject. One is deleted when the stream that it came from has confirmed it, so \
whatever ends a run, nothing is lost; and nothing is put back twice if the next run comes within that \
stream's duplicate window. A message that fails again meanwhile waits for the next run. It shows what it \
will do, and asks. The last line on stdout is JSON.`;

interface Options extends LoginOptions {
  readonly stream?: string;
  readonly subject?: string;
  readonly consumer?: string;
  readonly reason?: string;
  readonly max?: string;
  readonly rate?: string;
  readonly dryRun?: boolean;
  readonly keep?: boolean;
  readonly yes?: boolean;
}

export function addRedrive(program: Command, { signal, end }: Context): void {
  const command = strict(program.command("redrive"), NAME)
    .summary("Publish dead letters back to where they came from.")
    .description(DESCRIPTION);
  addLoginOptions(command, NAME)
    .option("--stream <name>", "The stream of dead letters. Required.")
    .option("--subject <filter>", "Only what came from such a subject, as orders.>")
    .option("--consumer <name>", "Only what this consumer's drain gave up.")
    .option("--reason <text>", "Only what has this text in its reason.")
    .option("--max <n>", `Most to put back. (default: ${DEFAULT_MAX})`)
    .option("--rate <n>", "Most to put back in a second. (default: no limit)")
    .option("--dry-run", "Print what would be put back, and change nothing.")
    .option("--keep", "Leave the dead letters in their stream, too.")
    .option("--yes", "Do not ask: for scripts.")
    .action(async (options: Options) => {
      const { stream, subject, consumer, reason } = options;
      if (!stream) throw new UsageError("--stream is missing: the stream of dead letters", NAME);
      if (!/^[^\s.*>/\\\p{Cc}]+$/u.test(stream))
        throw new UsageError(`--stream must be a name, not '${stream}'`, NAME);
      const settings = {
        stream,
        filter: { subject, consumer, reason },
        max: readCount(NAME, "--max", options.max) ?? DEFAULT_MAX,
        rate: readCount(NAME, "--rate", options.rate),
        keep: options.keep ?? false,
        isDryRun: options.dryRun ?? false,
        asks: options.yes !== true,
      };
      const login = await readLogin(options, await readEnvironment(options), NAME);
      if (settings.asks && !settings.isDryRun && !process.stdin.isTTY)
        throw new UsageError("--yes is missing, and there is no terminal to ask on", NAME);
      const { runRedrive } = await import("./redrive.ts");
      end(await runRedrive(login, settings, signal));
    });
}
