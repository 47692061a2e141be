// The `sluice` command: its sub-commands and their options. What a command does is loaded when it
// is asked for.
import { readFile } from "node:fs/promises";
import { Command, CommanderError } from "commander";
import { type Context, strict } from "./context.ts";
import { addDoctor } from "./doctor/options.ts";
import { addPermissions } from "./permissions.ts";
import { addRedrive } from "./redrive/options.ts";
import { addRun } from "./run/options.ts";
import { addStatus } from "./status/options.ts";
import { UsageError } from "./usage.ts";

/**
 * Runs the command line.
 *
 * @throws {UsageError} it is wrong
 * @throws what the sub-command throws
 */
export async function runProgram(args: readonly string[], context: Context): Promise<void> {
  const program = new Command("sluice");
  strict(program, "sluice")
    .description("JetStream for functions that live for seconds.")
    .usage("<command> [options]")
    .version(await version(), "--version", "Print the version.")
    .helpOption("-h, --help", "Print this help; after a command, the command's own.")
    .helpCommand("help [command]", "Print the help of a command.");
  for (const add of [addRun, addDoctor, addPermissions, addRedrive, addStatus]) add(program, context);
  const [first, named] = args;
  // Commander answers it with the help of all commands.
  if (first === "help" && named !== undefined && !program.commands.some((each) => each.name() === named))
    throw new UsageError(`Unknown command '${named}'`, "sluice");
  try {
    await program.parseAsync(args, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError && error.exitCode === 0)) throw error;
  }
}

async function version(): Promise<string> {
  // Two folders up from src/cli and from dist/cli alike.
  const text = await readFile(new URL("../../package.json", import.meta.url), "utf8");
  const manifest: unknown = JSON.parse(text);
  const isKnown = typeof manifest === "object" && manifest !== null && "version" in manifest;
  return isKnown ? String(manifest.version) : "unknown";
}
