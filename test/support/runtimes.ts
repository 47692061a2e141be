// The runtimes that the suite also runs in, beside this Node and workerd: their programs, from test/runtimes/package.json.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export interface Runtime {
  readonly name: string;
  /** The program, and its arguments before a script's path. Undefined where no package has it for this system. */
  readonly command?: readonly [string, ...string[]];
}

/** The one that runs the whole suite. */
export const NODE: Runtime = {
  name: `Node ${process.versions.node.split(".")[0]}`,
  command: [process.execPath],
};

export const RUNTIMES: readonly Runtime[] = [
  runtime("Node 22", ["node22-x64/bin/node", "node22-arm64/bin/node"]),
  runtime("Node 26", ["node26-x64/bin/node", "node26-arm64/bin/node"]),
  runtime(
    "Deno",
    ["@deno/linux-x64-glibc/deno", "@deno/linux-arm64-glibc/deno", "@deno/darwin-arm64/deno"],
    ["run", "--allow-all"],
  ),
  runtime("Bun", [
    "@oven/bun-linux-x64/bin/bun",
    "@oven/bun-linux-aarch64/bin/bun",
    "@oven/bun-darwin-aarch64/bin/bun",
  ]),
];

/** npm installs the one package of these that is for this system. */
function runtime(name: string, files: readonly string[], before: readonly string[] = []): Runtime {
  const paths = files.map((file) => fileURLToPath(new URL(`../../node_modules/${file}`, import.meta.url)));
  const program = paths.find((path) => existsSync(path));
  return program === undefined ? { name } : { name, command: [program, ...before] };
}

/** The version that a runtime says it is. workerd says its date, so the lock is asked. */
export function versionOf({ name, command = [""] }: Runtime): string {
  if (name === "workerd")
    return JSON.parse(readFileSync(LOCK, "utf8")).packages["node_modules/workerd"].version;
  const said = execFileSync(command[0], ["--version"], { encoding: "utf8" });
  return /\d+\.\d+\.\d+/.exec(said)?.[0] ?? said.trim();
}

const LOCK = new URL("../../package-lock.json", import.meta.url);
