// Every public function has an example in its docstring. The examples run, and they and those of the documents compile.
import { execFile } from "node:child_process";
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { alias } from "./support/config.ts";
import { snippetsOf } from "./support/docs.ts";

const root = dirname(import.meta.dirname);
// Inside the project, so that imports resolve as any test's do; git ignores it.
const folder = join(root, "test/.snippets/docstrings");

interface Documented {
  readonly name: string;
  /** The code after `@example`; empty where there is none. */
  readonly example: string;
}

/** What an entry exports: whether each name is a type alone. */
function exportsOf(entry: string): ReadonlyMap<string, boolean> {
  const source = readFileSync(join(root, "src", entry), "utf8");
  const lists = source.matchAll(/export (type )?\{([^}]*)\}/g);
  return new Map(
    Array.from(lists, ([, all, list = ""]) =>
      list
        .split(",")
        .map((each) => each.trim())
        .filter((each) => each !== "")
        .map((each): [string, boolean] => [
          each.replace("type ", ""),
          all !== undefined || each.startsWith("type "),
        ]),
    ).flat(),
  );
}

/** Every exported function of src, and the clock, with its example. */
function documented(): Documented[] {
  const declared =
    /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\nexport (?:async )?(?:function|class) (\w+)|export (?:async )?function (\w+)/g;
  return globSync("src/**/*.ts", { cwd: root }).flatMap((path) =>
    Array.from(readFileSync(join(root, path), "utf8").matchAll(declared), ([, doc = "", first, second]) => {
      const text = doc.replaceAll(/^ \* ?/gm, "");
      const [, example = ""] = /@example\n([\s\S]*?)\s*(?:\n@|$)/.exec(text) ?? [];
      return { name: first ?? second ?? "", example };
    }),
  );
}

const ENTRIES = { sluice: exportsOf("index.ts"), "sluice/testing": exportsOf("testing/index.ts") };
/** Made by the drain, and only caught by others. */
const THROWN = /Error$/;
const all = documented();
const named = Object.values(ENTRIES).flatMap((names) =>
  Array.from(names)
    .filter(([name, isType]) => !isType && !THROWN.test(name) && all.some((each) => each.name === name))
    .map(([name]) => all.find((each) => each.name === name && each.example !== "") ?? { name, example: "" }),
);

/** The example as a module, with the imports that it needs. */
function moduleOf({ example }: Documented): string {
  const imports = Object.entries(ENTRIES).flatMap(([entry, names]) => {
    const used = Array.from(names).filter(([name]) => new RegExp(`\\b${name}\\b`).test(example));
    const list = used.map(([name, isType]) => (isType ? `type ${name}` : name)).join(", ");
    return list === "" ? [] : [`import { ${list} } from "${entry}";`];
  });
  return [...imports, example, "export {};"].join("\n");
}

beforeAll(() => mkdirSync(folder, { recursive: true }));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("the functions that are public are known", () => {
  expect(named.map(({ name }) => name)).toEqual(
    expect.arrayContaining(["defineDrain", "planBudget", "ack", "retry", "reject", "testDrain", "FakeClock"]),
  );
});

test.each(named)("the docstring of $name has an example, which runs", async (each) => {
  expect(each.example).not.toBe("");
  const file = join(folder, `${each.name}.ts`);
  writeFileSync(file, moduleOf(each));
  await import(file);
});

test("the examples of docstrings and documents compile", async () => {
  for (const path of ["README.md", "docs/api.md", "docs/queues.md", "docs/testing.md"])
    for (const [at, code] of snippetsOf(path).entries())
      writeFileSync(join(folder, `${path.replaceAll(/\W/g, "-")}-${at}.ts`), code);
  for (const each of named) writeFileSync(join(folder, `${each.name}.ts`), moduleOf(each));
  const config = {
    extends: "../../tsconfig.json",
    compilerOptions: {
      rootDir: root,
      types: ["node", "@cloudflare/workers-types"],
      // A user may leave these off.
      noUnusedLocals: false,
      noImplicitReturns: false,
      paths: Object.fromEntries(Object.entries(alias).map(([name, path]) => [name, [path]])),
    },
    include: ["."],
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
  const tsc = join(dirname(fileURLToPath(import.meta.resolve("typescript/package.json"))), "bin", "tsc");
  // What it finds is in its output, with which execFile rejects.
  const run = promisify(execFile)(process.execPath, [tsc, "-p", folder]);
  expect(
    await run.then(
      () => "",
      ({ stdout }: { stdout: string }) => stdout,
    ),
  ).toBe("");
});
