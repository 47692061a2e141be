// The package as a user gets it: packed, installed in an empty project, imported by plain Node, its types resolved.
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { publint } from "publint";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import manifest from "../package.json" with { type: "json" };

const run = promisify(execFile);
const root = dirname(import.meta.dirname);

/** What each entry is to export: a name that comes or goes is a change of the API. */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  sluice: [
    "DEFAULTS",
    "MIN_LIMIT_MS",
    "LimitTooSmallError",
    "PublishError",
    "REASONS",
    "RejectError",
    "RetryError",
    "ack",
    "defineDrain",
    "exponentialDelay",
    "invalidOption",
    "planBudget",
    "queueHandler",
    "reject",
    "retry",
  ],
  "sluice/dashboard": ["dashboardRoutes", "readView"],
  "sluice/observe": [
    "PROMETHEUS_TYPE",
    "analyticsObserver",
    "historyEntry",
    "historySubject",
    "logObserver",
    "prometheus",
    "readHistory",
    "tracingObserver",
    "writeHistory",
  ],
  "sluice/opentelemetry": ["openTelemetryObserver"],
  "sluice/testing": ["FakeClock", "fakeMessage", "testDrain"],
  "sluice/hono": ["drainRoutes"],
  "sluice/fetch": [
    "DrainError",
    "DrainFatalError",
    "DrainRetryableError",
    "LIMITS_MS",
    "STATUS",
    "bearer",
    "drainHandler",
    "orThrow",
    "problem",
    "reportResponse",
    "vercelRemainingMs",
  ],
  "sluice/cloudflare": [
    "DrainError",
    "DrainFatalError",
    "DrainRetryableError",
    "LIMITS_MS",
    "drainAlarm",
    "drainOnMessage",
    "drainStep",
    "orThrow",
    "scheduled",
  ],
  "sluice/lambda": [
    "DrainError",
    "DrainFatalError",
    "DrainRetryableError",
    "lambdaHandler",
    "orThrow",
    "sqsHandler",
  ],
  "sluice/deno": [
    "BACKOFF_SCHEDULE",
    "DrainError",
    "DrainFatalError",
    "DrainRetryableError",
    "drainCron",
    "orThrow",
  ],
  "sluice/qstash": ["QSTASH_STATUS", "qstash"],
};

const entries = Object.keys(manifest.exports)
  .filter((entry) => entry !== "./package.json")
  .map((entry) => entry.replace(/^\./, "sluice"));

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
  it("has the entries that are documented, and no other", () => {
    expect(entries.sort()).toEqual(Object.keys(NAMES).sort());
  });

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

  it("has the build, its types and the licence, and neither sources nor tests", async () => {
    const files = await readdir(join(project, "node_modules", "sluice"), { recursive: true });
    expect(files).toEqual(expect.arrayContaining(["LICENSE", "package.json", join("dist", "index.d.ts")]));
    expect(files.filter((file) => /\.test\.|^(src|test)\b|(?<!\.d)\.ts$/.test(file))).toEqual([]);
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
