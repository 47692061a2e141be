#!/usr/bin/env node
// The `sluice` command: finds the sub-command, ends it on Ctrl-C, and turns what it throws into one line and an exit code.
import { readFile } from "node:fs/promises";
import { debuglog } from "node:util";
import { type Command, columns, EXIT, UsageError } from "./command.ts";

interface Entry {
  /** One line for the list of commands. */
  readonly summary: string;
  /** A command is loaded when it is asked for: each brings libraries of its own. */
  load(): Promise<Command>;
}

const COMMANDS: Readonly<Record<string, Entry>> = {
  start: {
    summary: "See it work: a demo with a nats-server, a Worker and a target of its own.",
    load: async () => (await import("../demo/start.ts")).start,
  },
  redrive: {
    summary: "Publish dead letters back to where they came from.",
    load: async () => (await import("./redrive.ts")).redrive,
  },
};

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
  try {
    return await dispatch(args, signal);
  } catch (error) {
    // What fails after the signal fails because of it: the terminal sends Ctrl-C to the servers too.
    if (signal.reason instanceof Interrupted) return signal.reason.exitCode;
    return complain(error);
  }
}

async function dispatch([first, ...rest]: readonly string[], signal: AbortSignal): Promise<number> {
  if (first === undefined || first === "--help" || first === "-h" || first === "help") {
    (first === undefined ? process.stderr : process.stdout).write(overview());
    return first === undefined ? EXIT.usage : EXIT.ok;
  }
  if (first === "--version") {
    process.stdout.write(`${await version()}\n`);
    return EXIT.ok;
  }
  const entry = Object.hasOwn(COMMANDS, first) ? COMMANDS[first] : undefined;
  if (entry === undefined) {
    throw new UsageError(`Unknown ${first.startsWith("-") ? "option" : "command"} '${first}'`, "sluice");
  }
  const command = await entry.load();
  return await command.run(rest, signal);
}

function overview(): string {
  const commands = Object.entries(COMMANDS).map(([name, { summary }]): [string, string] => [name, summary]);
  const options: [string, string][] = [
    ["--help", "Print this help; after a command, the command's own."],
    ["--version", "Print the version."],
  ];
  return `Usage: sluice <command> [options]\n\nCommands:\n${columns(commands)}\nOptions:\n${columns(options)}`;
}

async function version(): Promise<string> {
  // Two folders up from src/cli and from dist/cli alike.
  const manifest: unknown = JSON.parse(
    await readFile(new URL("../../package.json", import.meta.url), "utf8"),
  );
  const found =
    typeof manifest === "object" && manifest !== null && "version" in manifest ? manifest.version : undefined;
  return String(found);
}

function abortOnSignals(): AbortSignal {
  const controller = new AbortController();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    // Not once(): under npm a Ctrl-C arrives twice, from the terminal and passed on, and the second must not cut
    // the cleaning up short.
    process.on(name, () => controller.abort(new Interrupted(name)));
  }
  return controller.signal;
}

/** One line: the stack trace of a server that is not there helps nobody. `NODE_DEBUG=sluice` prints it. */
function complain(error: unknown): number {
  const message = error instanceof Error ? error.message : String(error);
  debuglog("sluice")("%O", error);
  const [line = ""] = message.split("\n");
  process.stderr.write(`sluice: ${line}\n`);
  return error instanceof UsageError ? EXIT.usage : EXIT.failure;
}

process.exitCode = await main(process.argv.slice(2));
