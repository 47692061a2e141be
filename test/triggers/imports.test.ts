// What an entry brings into a bundle: the core has nothing of a platform, and each trigger only its own.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import manifest from "../../package.json" with { type: "json" };

const SRC = new URL("../../src/", import.meta.url).pathname;

/** Every module that a file imports as a value, itself or through others of src: their paths, and the packages' names. */
function reached(file: string, seen: Set<string> = new Set()): Set<string> {
  if (seen.has(file)) return seen;
  seen.add(file);
  const source = readFileSync(join(SRC, file), "utf8").replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
  const imports = source.matchAll(
    /^(?:import|export)\s(?!type\b)[^;"]*?from "([^"]+)"|\bimport\("([^"]+)"\)/gm,
  );
  for (const [, named, dynamic] of imports) {
    const name = named ?? dynamic ?? "";
    if (name.startsWith(".")) reached(join(dirname(file), name), seen);
    else seen.add(name);
  }
  return seen;
}

const packagesOf = (file: string): string[] =>
  [...reached(file)].filter((name) => !/\.tsx?$/.test(name)).sort();
const CORE = ["@nats-io/nats-core", "ws"];

describe("the core", () => {
  it("imports nats-core, and ws where the runtime has no socket that can be aborted; nothing of a platform", () => {
    expect(packagesOf("index.ts")).toEqual(CORE);
  });

  it("reads no global of a platform but what tells the runtimes apart", () => {
    const core = [...reached("index.ts")].filter((name) => name.endsWith(".ts"));
    const reading = core.filter((file) =>
      /\b(Deno|Bun|EdgeRuntime)\./.test(readFileSync(join(SRC, file), "utf8")),
    );
    expect(reading).toEqual([]);
  });
});

describe("a trigger's entry", () => {
  /** The files of platforms, by entry; what is in none of them every trigger may use. */
  const OWN: Readonly<Record<string, readonly string[]>> = {
    cloudflare: readdirSync(join(SRC, "triggers")).filter((file) => /^(cloudflare|fan-out)/.test(file)),
    deno: ["deno.ts"],
    hono: ["hono.ts"],
    lambda: readdirSync(join(SRC, "triggers")).filter((file) => file.startsWith("lambda")),
    qstash: ["qstash.ts"],
  };
  const entries = Object.keys(manifest.exports)
    .map((name) => name.slice(2))
    .filter((name) => name === "fetch" || name in OWN);

  it.each(entries)("sluice/%s imports nothing of another platform", (entry) => {
    const others = Object.entries(OWN).flatMap(([name, files]) => (name === entry ? [] : files));
    const all = [...reached(`triggers/${entry}.ts`)];
    expect(all.filter((file) => others.some((other) => file === `triggers/${other}`))).toEqual([]);
    expect(packagesOf(`triggers/${entry}.ts`).filter((name) => !CORE.includes(name))).toEqual(
      entry === "hono" ? ["hono/tiny"] : [],
    );
  });
});
