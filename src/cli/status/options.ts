// `sluice status`: its options, and what they may be.
import { type Command, Option } from "commander";
import { type Context, strict } from "../context.ts";
import { addLoginOptions, type LoginOptions, readEnvironment, readLogin } from "../login.ts";
import { readTime } from "../time.ts";
import { UsageError } from "../usage.ts";

const NAME = "sluice status";

const DESCRIPTION = `\
Shows what a consumer has left, and how its last drains ended, as far as the drain keeps a history in a KV \
bucket. It takes no message and changes nothing. What is not an option is read from the environment, under \
the names of the Worker's vars.`;

interface Options extends LoginOptions {
  readonly stream?: string;
  readonly consumer?: string;
  readonly domain?: string;
  readonly bucket?: string;
  readonly watch?: string | true;
  readonly json?: boolean;
}

const WATCH_MS = 2_000;

export function addStatus(program: Command, { signal, end }: Context): void {
  const command = strict(program.command("status"), NAME)
    .summary("Show what a consumer has left, and how its last drains ended.")
    .description(DESCRIPTION);
  addLoginOptions(command, NAME)
    .option("--stream <name>", "The stream. (default: NATS_STREAM)")
    .option("--consumer <name>", "The consumer. (default: NATS_CONSUMER)")
    .option("--domain <name>", "JetStream domain. (default: NATS_DOMAIN)")
    .option("--bucket <name>", "The bucket of the history. (default: HISTORY_BUCKET, or no history)")
    .addOption(new Option("--watch [time]", "Show it again and again, until Ctrl-C. (default: each 2s)"))
    .option("--json", "Print one line of JSON, { at, state, reports }.")
    .action(async (options: Options) => {
      const env = await readEnvironment(options);
      const settings = {
        stream: readName("--stream", options.stream ?? env.NATS_STREAM),
        consumer: readName("--consumer", options.consumer ?? env.NATS_CONSUMER),
        domain: optionalName("--domain", options.domain ?? env.NATS_DOMAIN),
        bucket: optionalName("--bucket", options.bucket ?? env.HISTORY_BUCKET),
        watchMs: options.watch === true ? WATCH_MS : readTime(NAME, "--watch", options.watch),
        json: options.json ?? false,
      };
      const login = await readLogin(options, env, NAME);
      const { runStatus } = await import("./status.ts");
      end(await runStatus(login, settings, signal));
    });
}

/** One token of a subject. */
function readName(option: string, value: string | undefined): string {
  if (!value) throw new UsageError(`${option} is missing`, NAME);
  if (!/^[^\s.*>/\\\p{Cc}]+$/u.test(value))
    throw new UsageError(`${option} must be a name, not '${value}'`, NAME);
  return value;
}

function optionalName(option: string, value: string | undefined): string | undefined {
  return value ? readName(option, value) : undefined;
}
