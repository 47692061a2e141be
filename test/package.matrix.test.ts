// The package as a user gets it: packed, installed in an empty project, imported by plain Node, its types resolved.
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { publint } from "publint";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import manifest from "../package.json" with { type: "json" };
import { NAMES } from "./support/names.ts";

const run = promisify(execFile);
const root = dirname(import.meta.dirname);

/** As `tsc --init` has it, with the declarations of dependencies checked and no types but the package's own. */
const STRANGER = {
  strict: true,
  target: "es2024",
  lib: ["es2024", "dom", "dom.iterable", "dom.asynciterable", "esnext.disposable"],
  skipLibCheck: false,
  resolveJsonModule: true,
  noEmit: true,
  types: [],
};

/** An old compiler, on a machine that others use. */
const COMPILE_MS = 120_000;

let folder: string;
let tarball: string;
let project: string;

/** Runs a module's text in the project that has the package installed; what it prints is JSON. */
async function inProject(source: string): Promise<unknown> {
  const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", source], { cwd: project });
  return JSON.parse(stdout);
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sluice-package-"));
  project = join(folder, "project");
  await mkdir(project);
  await writeFile(join(project, "package.json"), '{ "name": "project", "private": true }');
  // Builds first: that is what the package's prepack is.
  await run("npm", ["pack", "--pack-destination", folder], { cwd: root });
  const packed = (await readdir(folder)).find((name) => name.endsWith(".tgz"));
  if (!packed) throw new Error("npm pack left no tarball");
  tarball = join(folder, packed);
  await run("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", tarball], {
    cwd: project,
  });
  // The optional peers, as one who traces, or has routes, has them.
  for (const peer of Object.keys(manifest.peerDependencies)) {
    const path = join("node_modules", ...peer.split("/"));
    await cp(join(root, path), join(project, path), { recursive: true });
  }
}, 180_000);

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe("the installed package", () => {
  it.each(Object.entries(NAMES))("exports from %s what users import", async (entry, names) => {
    const source = `console.log(JSON.stringify(Object.keys(await import(${JSON.stringify(entry)}))))`;
    expect(await inProject(source)).toEqual([...names].sort());
  });

  it("works: a drain is defined, and says what is wrong with its limit", async () => {
    const options = '{ servers: "wss://nats.example.com", stream: "S", consumer: "C", handler() {} }';
    const source = `
      import { defineDrain } from "sluice";
      console.log(JSON.stringify(await defineDrain(${options}).run({ limitMs: 1 })));
    `;
    expect(await inProject(source)).toMatchObject({ outcome: "fatal", reason: "invalid-options" });
  });

  it("has the build, its types and the licence, and neither sources, tests, the demo nor the Worker", async () => {
    const files = await readdir(join(project, "node_modules", "sluice"), { recursive: true });
    expect(files).toEqual(expect.arrayContaining(["LICENSE", "package.json", join("dist", "index.d.ts")]));
    expect(files.filter((file) => /\.test\.|^(src|test)\b|(?<!\.d)\.ts$/.test(file))).toEqual([]);
    expect(files.filter((file) => /^dist.(demo|worker)\b/.test(file))).toEqual([]);
  });

  it("has a source map with its source for each module", async () => {
    const dist = join(project, "node_modules", "sluice", "dist");
    const modules = (await readdir(dist, { recursive: true })).filter((file) => file.endsWith(".js"));
    expect(modules.length).toBeGreaterThan(50);
    for (const file of modules) {
      const [, map = ""] =
        /\/\/# sourceMappingURL=(.+)\s*$/.exec(await readFile(join(dist, file), "utf8")) ?? [];
      const { sources, sourcesContent } = JSON.parse(await readFile(join(dist, dirname(file), map), "utf8"));
      const source = join(root, "src", dirname(file), basename(sources[0]));
      expect(sourcesContent, file).toEqual([await readFile(source, "utf8")]);
    }
  });

  it("names the line of the source in a stack trace", async () => {
    const source =
      'import { defineDrain } from "sluice"; try { defineDrain({}) } catch (e) { console.log(e.stack) }';
    const args = ["--enable-source-maps", "--input-type=module", "--eval", source];
    const { stdout } = await run(process.execPath, args, { cwd: project });
    const [, path = "", line = ""] = /sluice\/(src\/drain\.ts):(\d+)/.exec(stdout) ?? [];
    expect((await readFile(join(root, path), "utf8")).split("\n")[Number(line) - 1]).toContain("validate");
  });

  it("has the command: its help, and exit code 64 for a wrong command line", async () => {
    const sluice = join(project, "node_modules", ".bin", "sluice");
    expect((await run(sluice, ["--help"])).stdout).toMatch(/^Usage: sluice <command>/);
    expect((await run(sluice, ["--version"])).stdout.trim()).toBe(manifest.version);
    await expect(run(sluice, ["drian"])).rejects.toMatchObject({
      code: 64,
      stderr: expect.stringMatching(/^sluice: /),
    });
  });

  it("brings none of the development's tools", async () => {
    const lock = JSON.parse(await readFile(join(project, "package-lock.json"), "utf8"));
    const installed = Object.keys(lock.packages).map((path) => path.replace(/^node_modules\//, ""));
    expect(installed).toEqual(expect.arrayContaining(Object.keys(manifest.dependencies)));
    for (const tool of Object.keys(manifest.devDependencies)) expect(installed).not.toContain(tool);
  });
});

describe("the tarball", () => {
  it("has nothing that publint would mend", async () => {
    // As it was installed: exactly what the tarball has.
    const { messages } = await publint({
      pkgDir: join(project, "node_modules", "sluice"),
      pack: false,
      strict: true,
    });
    expect(messages).toEqual([]);
  });

  it("has types that every ESM resolution finds", async () => {
    const cli = dirname(fileURLToPath(import.meta.resolve("@arethetypeswrong/cli/package.json")));
    const args = [join(cli, "dist", "index.js"), tarball, "--profile", "esm-only", "--format", "json"];
    // It exits with 1 when there are problems, and execFile then rejects with its output.
    const { stdout } = await run(process.execPath, args, { maxBuffer: 64 * 2 ** 20 });
    expect(JSON.parse(stdout).analysis).toMatchObject({ packageName: "sluice", types: { kind: "included" } });
  });
});

describe("a stranger's project compiles", () => {
  const compilers = {
    "TypeScript 5.9": join(root, "test/reference/node_modules/typescript/bin/tsc"),
    "TypeScript 7": join(root, "node_modules/typescript/bin/tsc"),
  };
  const rows = Object.keys(compilers).flatMap((compiler) =>
    (["bundler", "nodenext"] as const).map((resolution) => ({ compiler, resolution })),
  ) as { compiler: keyof typeof compilers; resolution: "bundler" | "nodenext" }[];

  /** What the compiler complains of, each file with its first line. */
  async function complaints(compiler: string, options: object): Promise<string[]> {
    await cp(join(root, "test/support/stranger.ts"), join(project, "stranger.ts"));
    const compilerOptions = { ...STRANGER, ...options };
    const config = { compilerOptions, files: ["stranger.ts"] };
    await writeFile(join(project, "tsconfig.json"), JSON.stringify(config));
    const { stdout } = await run(process.execPath, [compiler, "-p", project], { cwd: project }).catch(
      (error: { stdout: string }) => error,
    );
    return stdout.split("\n").filter((line) => /^\S+\(\d+,\d+\): /.test(line));
  }

  it.each(rows)(
    "$compiler, $resolution: with every declaration checked",
    async ({ compiler, resolution }) => {
      const module = resolution === "bundler" ? "esnext" : "nodenext";
      expect(await complaints(compilers[compiler], { module, moduleResolution: resolution })).toEqual([]);
    },
    COMPILE_MS,
  );

  it.each(rows)(
    "$compiler, $resolution: at its strictest, but for nats-core",
    async ({ compiler, resolution }) => {
      const module = resolution === "bundler" ? "esnext" : "nodenext";
      const strictest = {
        exactOptionalPropertyTypes: true,
        noUncheckedIndexedAccess: true,
        lib: ["es2024", "dom"],
      };
      const found = await complaints(compilers[compiler], {
        ...strictest,
        module,
        moduleResolution: resolution,
      });
      // Its own declarations need a newer lib, and optional properties that may be undefined.
      expect(found.filter((line) => !line.startsWith("node_modules/@nats-io/nats-core/"))).toEqual([]);
    },
    COMPILE_MS,
  );
});
