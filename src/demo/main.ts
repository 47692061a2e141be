// `npm start`, the demo as a command: its arguments, Ctrl-C, and one line for what fails.
import { parseArgs } from "node:util";
import { runDemo } from "./start.ts";

const USAGE = 64;
const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

const HELP = `Usage: npm start -- [--once] [--port <port>]

The demo: starts a nats-server with a stream of GitHub's example webhooks, the Worker in workerd and a small
target, drains by cron and by POST /drain until nothing is left, and says what came of it. Everything
runs on this machine; Ctrl-C ends it all and leaves nothing behind. Results go to stdout, the rest to
stderr. nats-server is the one in NATS_SERVER, on PATH, or one that is fetched.

  --once         Exit when nothing is left, instead of keeping everything running.
  --port <port>  Port of the Worker on 127.0.0.1. (default: a free one)
  --help         Print this help.
`;

async function main(args: string[]): Promise<number> {
  let options: ReturnType<typeof readArguments>;
  try {
    options = readArguments(args);
  } catch (error) {
    return complain(error, USAGE);
  }
  if (options.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const controller = new AbortController();
  let ended: number | undefined;
  for (const [name, code] of Object.entries(SIGNALS)) {
    // Not once(): under npm a Ctrl-C arrives twice, from the terminal and passed on.
    process.on(name, () => {
      ended ??= code;
      controller.abort();
    });
  }
  try {
    return await runDemo(options.once, options.port, controller.signal);
  } catch (error) {
    // What fails after the signal fails because of it: the terminal sends Ctrl-C to the servers too.
    return ended ?? complain(error, 1);
  }
}

function readArguments(args: string[]): { once: boolean; port: number; help: boolean } {
  const boolean = { type: "boolean", default: false } as const;
  const { values } = parseArgs({ args, options: { once: boolean, help: boolean, port: { type: "string" } } });
  return { once: values.once, help: values.help, port: readPort(values.port) };
}

/** 0, a free port, where none is given. */
function readPort(value: string | undefined): number {
  if (value === undefined) return 0;
  const port = /^\d{1,5}$/.test(value) ? Number(value) : 0;
  if (port < 1 || port > 65_535) throw new Error(`--port must be a number from 1 to 65535, not '${value}'`);
  return port;
}

function complain(error: unknown, code: number): number {
  const [line = ""] = (error instanceof Error ? error.message : String(error)).split("\n");
  process.stderr.write(`sluice: ${code === USAGE ? `${line}; see npm start -- --help` : line}\n`);
  return code;
}

process.exitCode = await main(process.argv.slice(2));
