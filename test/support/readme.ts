// The README's tables, made from the code that they describe. `node test/support/readme.ts` writes them; a test compares.
import { readFileSync, writeFileSync } from "node:fs";
import { REASONS, type Reason } from "../../src/index.ts";
import { FAULTS, type Fault, type FaultId, reasonsOf } from "../conformance/fault-table.ts";

const README = new URL("../../README.md", import.meta.url);

/** The table of reasons. */
function outcomeTable(): string {
  const rows = Object.entries(REASONS).map(
    ([reason, { outcome, meaning }]) => `| ${outcome} | \`${reason}\` | ${meaning} |`,
  );
  return ["| outcome | reason | what it means |", "|---|---|---|", ...rows].join("\n");
}

/** The table of options, from their docstrings in src/options.ts: a sentence, and the default after `@default`. */
function optionsTable(): string {
  const source = readFileSync(new URL("../../src/options.ts", import.meta.url), "utf8");
  const body = /interface HandlesOne<[\s\S]*interface DrainSettings<[\s\S]*?\n}\n/.exec(source)?.[0] ?? "";
  // batchHandler?: undefined and its like have no docstring of their own, and so no row.
  const fields = body.matchAll(
    /\/\*\*\s(?<doc>(?:(?!\*\/)[\s\S])*?)\s\*\/\s+readonly (?<name>\w+)(?<optional>\?)?:/g,
  );
  const rows = Array.from(fields, ({ groups = {} }) => {
    const doc = (groups.doc ?? "").replaceAll(/\s*(?:\n|^)\s*\* /g, " ").trim();
    const [text = "", fallback = ""] = doc.split(" @default ");
    return `| \`${groups.name}\` | ${groups.optional ? fallback : "required"} | ${text.replaceAll("|", "\\|")} |`;
  });
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
  options: optionsTable,
  faults: faultTable,
};

/** The README as it is, and as its tables should make it. */
export function readReadme(): { readonly actual: string; readonly expected: string } {
  const actual = readFileSync(README, "utf8");
  const expected = Object.entries(SECTIONS).reduce((text, [name, make]) => {
    const section = new RegExp(`(<!-- ${name}: [^\\n]*-->\\n)[\\s\\S]*?\\n?(<!-- /${name} -->)`);
    return text.replace(section, (_, before: string, after: string) => `${before}${make()}\n${after}`);
  }, actual);
  return { actual, expected };
}

if (import.meta.main) writeFileSync(README, readReadme().expected);
