// Each folder of examples/ has what a user pastes, and says in one table who retries, after how long, and how a fatal end is said.
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const ROOT = new URL("../../", import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, ROOT), "utf8");
/** What watches drains, or is drained, runs none. */
const folders = readdirSync(new URL("examples", ROOT)).filter(
  (name) => name !== "prometheus" && name !== "nats-server",
);
const page = read("docs/platforms.md");
const tests = readdirSync(new URL("test", ROOT), { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".test.ts") && !path.endsWith("folders.test.ts"))
  .map((path) => read(`test/${path}`))
  .join("\n");

const HEAD = "| who retries | after how long | how a fatal end is said |\n|---|---|---|\n";

describe.each(folders)("the example %s", (name) => {
  const files = readdirSync(new URL(`examples/${name}`, ROOT));
  const readme = read(`examples/${name}/README.md`);

  it("has a README of at most 15 lines, with its retries in a table", () => {
    expect(readme.split("\n").length - 1).toBeLessThanOrEqual(15);
    expect(readme).toContain(HEAD);
    expect(readme.split(HEAD)[1]).toMatch(/^(\|[^|\n]+){3}\|\n/);
  });

  it("has the function, and a README that names each file", () => {
    expect(files.filter((file) => file.endsWith(".ts"))).not.toEqual([]);
    const unnamed = files.filter((file) => file !== "README.md" && !readme.includes(file));
    expect(unnamed.filter((file) => !/^(package\.json|wrangler\.toml|worker\.ts)$/.test(file))).toEqual([]);
  });

  it("is in the table of docs/platforms.md, which says what it was tested on", () => {
    const row = page.split("\n").find((line) => line.endsWith(`| [${name}](../examples/${name}) |`));
    expect(row).toMatch(/^(\| [^|]+ ){5}\|$/);
  });

  it("is run by a test", () => {
    expect(tests).toMatch(new RegExp(`["/]${name}["/]`));
  });
});
