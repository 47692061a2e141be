// The vars, read as the Worker reads them: what it would answer 500 for, and what it would never look at.
import { type InvalidOption, isInvalidOption } from "../../checks.ts";
import { closest } from "../../observe/missing.ts";
import type { Finding } from "../../report/report.ts";
import { type Config, readConfig } from "../../vars/config.ts";
import { drainToken } from "../../vars/drain-token.ts";
import { VAR_NAMES, type VarName, type Vars } from "../../vars/vars.ts";
import type { Environment } from "../login.ts";
import type { WorkerSettings } from "./worker.ts";

/** All that is wrong with the settings, one problem a line; none quotes a secret. */
export class SettingsError extends Error {
  override readonly name = "SettingsError";
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join("\n"));
    this.problems = problems;
  }
}

export const CREDENTIALS: readonly VarName[] = [
  "NATS_TOKEN",
  "NATS_USER",
  "NATS_PASSWORD",
  "NATS_CREDS",
  "NATS_NKEY_SEED",
];

/** What stands in for a var that is wrong, so that the next mistake is found, too. */
export const SOUND: Partial<Readonly<Record<string, string>>> = {
  NATS_URL: "wss://localhost",
  NATS_STREAM: "STREAM",
  NATS_CONSUMER: "consumer",
  NATS_USER: "user",
  NATS_PASSWORD: "password",
  TARGET_URL: "https://localhost",
  DEAD_LETTER_SUBJECT: "dead.letters",
};

/** @throws {SettingsError} with each var that the Worker, or a drain with these options, would refuse */
export function readVars(vars: Vars): Config {
  const mistakes: InvalidOption[] = [];
  let mended = vars;
  for (;;) {
    const read = attempt(mended);
    const isRead = !isInvalidOption(read);
    if (isRead && mistakes.length === 0) return read;
    // What no stand-in mends is told once.
    if (isRead || mistakes.some(({ option }) => option === read.option))
      throw new SettingsError(mistakes.map(({ option, problem }) => `${option} ${problem}`));
    mistakes.push(read);
    mended = { ...mended, ...standIns(read.option) };
  }
}

function attempt(vars: Vars): Config | InvalidOption {
  try {
    const config = readConfig(vars);
    // Where it is not set it may be a secret that is deployed, and not known here.
    if (vars.DRAIN_TOKEN !== undefined) drainToken(vars);
    return config;
  } catch (error) {
    if (isInvalidOption(error)) return error;
    throw error;
  }
}

/** Several names are those of the credentials, of which no kind is left. */
function standIns(option: string): Environment {
  return option.includes(",")
    ? Object.fromEntries(CREDENTIALS.map((name) => [name, undefined]))
    : { [option]: SOUND[option] };
}

/** What is not malformed, and missing or passed over. */
export function passedOver({ vars, isDeployable, hasSecrets, idleQueues }: WorkerSettings): Finding[] {
  if (!isDeployable) return [];
  // Where no secret is known here, this one may be deployed as the others are.
  const isOpen = !hasSecrets || vars.DRAIN_TOKEN?.trim();
  return [...(isOpen ? [] : [NO_TOKEN]), ...idleQueues.map(notConsumed), ...mistyped(vars)];
}

function notConsumed(queue: string): Finding {
  const message =
    `DRAINS_QUEUE sends to the queue "${queue}", which this Worker does not consume: none of the drains ` +
    "beside the first ever starts. Add it to [[queues.consumers]], as wrangler.toml shows.";
  return { code: "queue-not-consumed", message };
}

const NO_TOKEN: Finding = {
  code: "drain-token",
  message: "DRAIN_TOKEN is not set: all routes but /healthz answer 500. The cron runs all the same.",
  mend: "openssl rand -hex 24 | npx wrangler secret put DRAIN_TOKEN",
};

/** Names that are nearly those of vars: nothing reads them, and the default holds. */
function mistyped(vars: Environment): Finding[] {
  const names = Object.keys(vars).filter((name) => !VAR_NAMES.some((known) => known === name));
  return names.flatMap((name) => {
    const meant = closest(name, VAR_NAMES);
    if (meant === undefined || vars[meant] !== undefined) return [];
    const message = `The Worker has no var ${name}, and reads nothing from it. Did you mean ${meant}?`;
    return [{ code: "unknown-var", message }];
  });
}
