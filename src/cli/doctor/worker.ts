// A Worker's configuration on this machine, as wrangler reads it: its vars, its secrets, its cron.
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { parse } from "smol-toml";
import type { Environment } from "../login.ts";
import { UsageError } from "../usage.ts";
import { betweenCrons } from "./cron.ts";
import { NAME } from "./diagnosis.ts";

export interface WorkerSettings {
  /** Its vars, and its secrets on this machine. */
  readonly vars: Environment;
  /** Some of its secrets are known. */
  readonly hasSecrets: boolean;
  /** From one run of its cron to the next, where that is known. */
  readonly betweenRunsMs: number | undefined;
  /** Queues that DRAINS_QUEUE sends to, and this Worker does not consume. */
  readonly idleQueues: readonly string[];
  /** A service is bound in place of TARGET_URL: it is the deployable Worker. */
  readonly bindsTarget: boolean;
  /** Its code is the deployable Worker's, which posts each message to a target. */
  readonly isDeployable: boolean;
}

type Table = Readonly<Record<string, unknown>>;

/** The configuration's names, in the order in which wrangler looks for them. */
const FILES = ["wrangler.json", "wrangler.jsonc", "wrangler.toml"] as const;

/** The deployable Worker's code, without and with its dashboard. */
const DEPLOYABLE = /(^|\/)src\/worker\/(index|with-dashboard)\.ts$/;

/** Whether a Worker has its configuration there. */
export function isWorker(folder: string): boolean {
  return FILES.some((name) => existsSync(join(folder, name)));
}

/**
 * Reads it.
 *
 * @param environment the name of one of its environments; undefined: what stands at the top
 * @throws {UsageError} there is none, it cannot be read, or it has no such environment
 */
export async function readWorker(folder: string, environment: string | undefined): Promise<WorkerSettings> {
  const name = FILES.find((each) => existsSync(join(folder, each))) ?? "wrangler.toml";
  const file = join(folder, name);
  const text = await readFile(file, "utf8").catch((cause: unknown) => {
    throw new UsageError(`--worker: ${file} cannot be read`, NAME, { cause });
  });
  const top = parseConfig(file, text);
  const chosen = environment === undefined ? top : environmentOf(top, environment, file);
  // An environment has vars of its own or none, and the cron of the top where it has none of its own.
  const { crons } = table(chosen.triggers ?? top.triggers);
  const services = Array.isArray(chosen.services) ? chosen.services.map(table) : [];
  const vars = Object.entries(table(chosen.vars)).map(([key, value]) => [key, String(value)]);
  const secrets = await readSecrets(folder, environment);
  return {
    vars: { ...Object.fromEntries(vars), ...secrets },
    hasSecrets: Object.keys(secrets).length > 0,
    betweenRunsMs: Array.isArray(crons) && crons.length === 1 ? betweenCrons(String(crons[0])) : undefined,
    idleQueues: idleQueues(table(chosen.queues)),
    bindsTarget: services.some(({ binding }) => binding === "TARGET"),
    isDeployable: DEPLOYABLE.test(String(chosen.main ?? top.main)),
  };
}

function idleQueues(queues: Table): readonly string[] {
  const all = (list: unknown): readonly Table[] => (Array.isArray(list) ? list.map(table) : []);
  const consumed = all(queues.consumers).map(({ queue }) => queue);
  const fed = all(queues.producers).filter(({ binding }) => binding === "DRAINS_QUEUE");
  return fed.flatMap(({ queue }) => (consumed.includes(queue) ? [] : [String(queue)]));
}

function environmentOf(top: Table, environment: string, file: string): Table {
  const all = table(top.env);
  if (Object.hasOwn(all, environment)) return table(all[environment]);
  const known = Object.keys(all).join(", ") || "none";
  throw new UsageError(`--env: ${file} has no environment '${environment}', but ${known}`, NAME);
}

/** `.dev.vars.<environment>` stands for `.dev.vars`, where it is there. */
async function readSecrets(folder: string, environment: string | undefined): Promise<Environment> {
  const own = join(folder, `.dev.vars.${environment}`);
  const file = environment !== undefined && existsSync(own) ? own : join(folder, ".dev.vars");
  return parseEnv(await readFile(file, "utf8").catch(() => ""));
}

function parseConfig(file: string, text: string): Table {
  const isToml = file.endsWith(".toml");
  try {
    return table(isToml ? parse(text) : JSON.parse(toJson(text)));
  } catch (cause) {
    throw new UsageError(`--worker: ${file} is not ${isToml ? "TOML" : "JSON"}`, NAME, { cause });
  }
}

/** JSON with comments, and with commas behind the last, as plain JSON. What is in quotes stays as it is. */
function toJson(text: string): string {
  const withoutComments = text.replace(
    /("(?:\\.|[^"\\])*")|\/\/[^\n]*|\/\*[\s\S]*?\*\//g,
    (_, quoted = " ") => quoted,
  );
  return withoutComments.replace(/("(?:\\.|[^"\\])*")|,(?=\s*[}\]])/g, (_, quoted = "") => quoted);
}

function table(value: unknown): Table {
  return typeof value === "object" && value !== null ? { ...value } : {};
}
