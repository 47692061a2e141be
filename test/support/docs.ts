// The tables of docs/, made from the code that they describe. `npm run docs` writes them; a test compares.
import { readFileSync, writeFileSync } from "node:fs";
import { REASONS, type Reason } from "../../src/index.ts";
import { FAULTS, type Fault, type FaultId, reasonsOf } from "../conformance/fault-table.ts";
import { ADVICE } from "./advice.ts";
import { readResults, runtimeTable } from "./runtime-results.ts";

const ROOT = new URL("../../", import.meta.url);

/** The documents that have such tables. */
export const GENERATED = ["docs/reasons.md", "docs/options.md", "docs/platforms.md"] as const;

/** The table of reasons. */
function outcomeTable(): string {
  const rows = Object.entries(REASONS).map(
    ([reason, { outcome, meaning }]) => `| ${outcome} | \`${reason}\` | ${meaning} |`,
  );
  return ["| outcome | reason | what it means |", "|---|---|---|", ...rows].join("\n");
}

/** What to do for each reason. */
function adviceTable(): string {
  const rows = Object.entries(ADVICE).map(([reason, advice]) => `| \`${reason}\` | ${advice} |`);
  return ["| reason | what to do |", "|---|---|", ...rows].join("\n");
}

/** An option as its docstring tells it. */
export interface DocumentedOption {
  readonly name: string;
  readonly isOptional: boolean;
  readonly text: string;
  /** What stands after `@default`. */
  readonly fallback: string;
}

/** Every option, from its docstring in src/options.ts: a sentence, and the default after `@default`. */
export function documentedOptions(): DocumentedOption[] {
  const source = readFileSync(new URL("src/options.ts", ROOT), "utf8");
  const body = /interface HandlesOne<[\s\S]*interface DrainSettings<[\s\S]*?\n}\n/.exec(source)?.[0] ?? "";
  // batchHandler?: undefined and its like have no docstring of their own, and so no row.
  const fields = body.matchAll(
    /\/\*\*\s(?<doc>(?:(?!\*\/)[\s\S])*?)\s\*\/\s+readonly (?<name>\w+)(?<optional>\?)?:/g,
  );
  return Array.from(fields, ({ groups = {} }) => {
    const doc = (groups.doc ?? "").replaceAll(/\s*(?:\n|^)\s*\* /g, " ").trim();
    const [text = "", fallback = ""] = doc.split(" @default ");
    return { name: groups.name ?? "", isOptional: groups.optional !== undefined, text, fallback };
  });
}

function optionsTable(): string {
  const rows = documentedOptions().map(
    ({ name, isOptional, text, fallback }) =>
      `| \`${name}\` | ${isOptional ? fallback : "required"} | ${text.replaceAll("|", "\\|")} |`,
  );
  return ["| option | default | |", "|---|---|---|", ...rows].join("\n");
}

/** The fault table, from the list that the fault suite causes, one by one. */
function faultTable(): string {
  const rows = Object.entries(FAULTS).map(([id, fault]) => {
    // The narrower type of each entry says which of its members it has.
    const { cause, scripted }: Fault = fault;
    const reasons = reasonsOf(id as FaultId); // by Object.entries
    const seen = reasons.map((reason) => `\`${reason}\``).join(" or ");
    const does = [...new Set(reasons.map(schedulerDoes))].join(", or ");
    return `| ${cause}${scripted ? " (*)" : ""} | ${seen} | ${does} |`;
  });
  return ["| what happens | the operator sees | the scheduler |", "|---|---|---|", ...rows].join("\n");
}

function schedulerDoes(reason: Reason): string {
  const { outcome, retryAfterMs } = REASONS[reason];
  if (outcome === "completed") return "goes on as planned";
  if (outcome === "fatal") return "marks the run failed, and does not retry it";
  return retryAfterMs === undefined ? "retries" : `retries, after ${retryAfterMs / 1_000} s`;
}

const SECTIONS: Readonly<Record<string, () => string>> = {
  outcomes: outcomeTable,
  advice: adviceTable,
  options: optionsTable,
  faults: faultTable,
  runtimes: () => runtimeTable(readResults()),
};

/** A document's text, by its path from the project's folder. */
export function readDocument(path: string): string {
  return readFileSync(new URL(path, ROOT), "utf8");
}

/** The TypeScript of a document, in order. */
export function snippetsOf(path: string): string[] {
  return Array.from(readDocument(path).matchAll(/```ts\n([\s\S]*?)```/g), ([, code = ""]) => code);
}

/** A document as its tables should make it. */
export function withTables(text: string): string {
  return Object.entries(SECTIONS).reduce((before, [name, make]) => {
    const section = new RegExp(`(<!-- ${name}: [^\\n]*-->\\n)[\\s\\S]*?\\n?(<!-- /${name} -->)`);
    return before.replace(section, (_, head: string, tail: string) => `${head}${make()}\n${tail}`);
  }, text);
}

export function writeTables(): void {
  for (const path of GENERATED) writeFileSync(new URL(path, ROOT), withTables(readDocument(path)));
}

if (import.meta.main) writeTables();
