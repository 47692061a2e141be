// `sluice doctor`: its options.
import type { Command } from "commander";
import { type Context, strict } from "../context.ts";
import { addLoginOptions } from "../login.ts";
import { type DoctorOptions, NAME } from "./diagnosis.ts";

const DESCRIPTION = `\
Finds out why a drain fails, or drains too little: connects with the real credentials, tries each \
permission, asks for a Fetch of nothing, looks at the consumer and the target, and says what to change. It \
takes no message and changes nothing. What is not an option is read from the environment, under the names \
of the Worker's vars. Exit code: 0 fine, 1 findings, 75 not reachable now, 78 the configuration is wrong.`;

export function addDoctor(program: Command, { end }: Context): void {
  const command = strict(program.command("doctor"), NAME)
    .summary("Find out why a drain fails, or drains too little.")
    .description(DESCRIPTION);
  addLoginOptions(command, NAME)
    .option("--stream <name>", "The stream. (default: NATS_STREAM)")
    .option("--consumer <name>", "The consumer. (default: NATS_CONSUMER)")
    .option("--domain <name>", "JetStream domain. (default: NATS_DOMAIN)")
    .option("--limit <time>", "The drain's limit, as 30s. (default: LIMIT_MS, or 55s of a Worker, or 30s)")
    .option("--every <time>", "Time between two drains, as 5m. (default: not known)")
    .option(
      "--worker <folder>",
      "A Worker's wrangler.toml (or .jsonc) and .dev.vars, beside the environment.",
    )
    .option("--env <name>", "The Worker's environment, as wrangler has it. (default: what stands at the top)")
    .option("--json", "Print one object { ok, findings, budget, report }.")
    .action(async (options: DoctorOptions) => {
      const { runDoctor } = await import("./doctor.ts");
      end(await runDoctor(options));
    });
}
