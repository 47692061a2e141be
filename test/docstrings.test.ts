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
  /** The codes after each `@example`. */
  readonly examples: readonly string[];
}

/** What an entry exports: whether each name is a type alone. */
function exportsOf(path: string): ReadonlyMap<string, boolean> {
  const source = readFileSync(path, "utf8");
  const lists = Array.from(source.matchAll(/export (type )?\{([^}]*)\}/g), ([, all, list = ""]) =>
    list
      .split(",")
      .map((each) => each.trim())
      .filter((each) => each !== "")
      .map((each): [string, boolean] => [
        each.replace("type ", ""),
        all !== undefined || each.startsWith("type "),
      ]),
  );
  const own = source.matchAll(
    /^export (?:declare )?(?:async )?(function|class|const|interface|type) (\w+)/gm,
  );
  const kinds = Array.from(own, ([, kind = "", name = ""]): [string, boolean] => [
    name,
    /interface|type/.test(kind),
  ]);
  return new Map([...lists.flat(), ...kinds]);
}

/** Every exported function and class of src, with its examples. */
function documented(): Documented[] {
  const declared = /(?:\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\n)?export (?:async )?(?:function|class) (\w+)/g;
  return globSync("src/**/*.{ts,tsx}", { cwd: root }).flatMap((path) =>
    Array.from(readFileSync(join(root, path), "utf8").matchAll(declared), ([, doc = "", name = ""]) => {
      const examples = doc.replaceAll(/^ \* ?/gm, "").matchAll(/@example\n([\s\S]*?)\s*(?=\n@|$)/g);
      return { name, examples: Array.from(examples, ([, code = ""]) => code.replaceAll(/^```.*\n?/gm, "")) };
    }),
  );
}

/** What examples may name without an import, beside the entries: each with the file that has it. */
const WORLD = join(import.meta.dirname, "support/example-world.ts");
const ENTRIES: Readonly<Record<string, ReadonlyMap<string, boolean>>> = {
  ...Object.fromEntries(Object.entries(alias).map(([entry, path]) => [entry, exportsOf(path)])),
  "../../support/example-world.ts": exportsOf(WORLD),
};
/** Made by the drain, and only caught by others. */
const THROWN = /Error$/;
const all = documented();
const names = new Set(
  Object.keys(alias).flatMap((entry) =>
    Array.from(ENTRIES[entry] ?? [])
      .filter(([, isType]) => !isType)
      .map(([name]) => name),
  ),
);
const named = Array.from(names)
  .filter((name) => !THROWN.test(name) && all.some((each) => each.name === name))
  .map((name) => ({
    name,
    examples: all.filter((each) => each.name === name).flatMap((each) => each.examples),
  }));

/** The example as a module, with the imports that it needs. */
function moduleOf({ examples: [example = ""] }: Documented): string {
  const taken = new Set<string>();
  const imports = Object.entries(ENTRIES)
    .reverse()
    .flatMap(([entry, exported]) => {
      const used = Array.from(exported).filter(
        ([name]) =>
          !taken.has(name) &&
          new RegExp(`(?<!\\w|\\w\\.)${name}\\b(?!:)`).test(example) &&
          !new RegExp(`(?:const|class|function) ${name}\\b|[{,] ${name}\\b[^(]*\\} =`).test(example),
      );
      for (const [name] of used) taken.add(name);
      const list = used.map(([name, isType]) => (isType ? `type ${name}` : name)).join(", ");
      return list === "" ? [] : [`import { ${list} } from "${entry}";`];
    });
  return [...imports, example, "export {};"].join("\n");
}

beforeAll(() => mkdirSync(folder, { recursive: true }));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("the functions that are public are known", () => {
  expect(named.map(({ name }) => name)).toEqual(
    expect.arrayContaining(["defineDrain", "ack", "testDrain", "FakeClock", "scheduled", "logObserver"]),
  );
});

test.each(named)("the docstring of $name has one example, which runs", async (each) => {
  expect(each.examples.length).toBe(1);
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
