// `sluice run`: its options, and what they may be.
import type { Command } from "commander";
import { type Context, strict } from "../context.ts";
import { envFileOption, readEnvironment } from "../login.ts";
import { readTime } from "../time.ts";

const NAME = "sluice run";

const DESCRIPTION = `\
Runs the drain of a module once, for a scheduler that starts processes: a Kubernetes CronJob, a systemd \
timer, a Fly Machine, a Cloud Run job. The module's default export, or the one named "drain", is what \
defineDrain() returns, or { drain, limitMs }. The report is one line of JSON on stdout; a line for people \
goes to stderr. Exit code: 0 completed, 75 try again (retryable), 78 look at it first (fatal), 64 a wrong \
command line. SIGTERM and SIGINT abort the drain: what is held is settled, and the exit code is 75.`;

interface Options {
  readonly limit?: string;
  readonly envFile?: string;
}

export function addRun(program: Command, { signal, end }: Context): void {
  strict(program.command("run"), NAME)
    .summary("Run a drain once, and exit by its report.")
    .description(DESCRIPTION)
    .argument("<module>", "The module, .ts or .js.")
    .option("--limit <time>", "Longest time, as 5000, 5000ms, 30s or 5m. (default: the module's limitMs)")
    .addOption(envFileOption())
    .action(async (module: string, options: Options) => {
      const limitMs = readTime(NAME, "--limit", options.limit);
      // Into the environment of the module. What it has already stays.
      Object.assign(process.env, await readEnvironment(options));
      const { runModule } = await import("./run.ts");
      end(await runModule(module, limitMs, signal));
    });
}
