// `npm test`: the suite, and the check beside it. `npm run test:matrix`: what takes longer, on what else it must run on.
// `npm run test:runtimes`: of that, the runtimes alone, and the table of them in docs/platforms.md. Arguments go to vitest,
// which then runs alone: `npm test -- test/budget.test.ts`. The last line is the count of it all; with SLUICE_COUNTS, a file,
// it is added there for whoever sums up (.ci/run, by `node test/run.ts --sum`).
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { constants, setPriority, tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fetchDebianNatsBinary, OLDEST_VERSION } from "../src/demo/nats-binary.ts";
import { certificatesOfThisRun } from "./support/config.ts";
import { type Count, conclude, noCount, readCounts, sum, writeCount } from "./support/count.ts";
import { readResults, writeResults } from "./support/runtime-results.ts";
import { NODE, RUNTIMES, type Runtime, versionOf } from "./support/runtimes.ts";

const MINUTE_MS = 60_000;
// A run that hangs must fail, and say so. A soak takes what its schedules take.
const MAX_RUN_MS = process.env.SLUICE_SCHEDULES === undefined ? 10 * MINUTE_MS : 720 * MINUTE_MS;
const MATRIX_SCHEDULES = "300";

interface Part {
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** What runs vitest, and its arguments before vitest's own. @default the Node of this process */
  readonly command?: readonly [string, ...string[]];
}

/** Runs vitest as a user would see it, and reads what its count came to. */
async function vitest({ args, env = {}, command = [process.execPath] }: Part): Promise<Count> {
  const folder = await mkdtemp(join(tmpdir(), "sluice-count-"));
  const file = join(folder, "count");
  const [program, ...before] = command;
  const reporters = ["--reporter=default", "--reporter=test/support/count-reporter.ts"];
  try {
    const child = spawn(
      program,
      [...before, "node_modules/vitest/vitest.mjs", "run", ...reporters, ...args],
      {
        stdio: "inherit",
        env: { ...process.env, ...env, SLUICE_COUNT: file },
      },
    );
    const code = await ended(child);
    const count = sum(readCounts(file));
    if (code === 0 || count.failed > 0) return count;
    return failure(`vitest ${args.join(" ")} ended with ${code}`, count);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** `npm run check`, behind the tests in the queue for a core. What it prints is seen only when it fails. */
async function check(): Promise<Count> {
  // tsc and esbuild are written in Go, which collects its garbage less often so: a third of what they cost.
  const env = { GOGC: "400", ...process.env };
  const child = spawn("npm", ["run", "--silent", "check"], { stdio: ["ignore", "pipe", "pipe"], env });
  if (child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_LOW);
  const started = performance.now();
  const [out, err, code] = await Promise.all([text(child.stdout), text(child.stderr), ended(child)]);
  const seconds = Math.round((performance.now() - started) / 1_000);
  console.log(`npm run check: ${code === 0 ? "passed" : "failed"} after ${seconds} s`);
  return code === 0 ? { ...noCount(), passed: 1 } : failure(`npm run check\n${out}${err}`);
}

async function ended(child: ChildProcess): Promise<number> {
  const timer = setTimeout(() => child.kill("SIGTERM"), MAX_RUN_MS);
  try {
    return await new Promise<number>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code) => resolve(code ?? 1));
    });
  } finally {
    clearTimeout(timer);
  }
}

function failure(what: string, count: Count = noCount()): Count {
  return { ...count, failed: count.failed + 1, failures: [...count.failures, what] };
}

function skipped(what: string): Count {
  console.log(`skipped: ${what}`);
  return { ...noCount(), skipped: 1 };
}

async function suite(): Promise<Count[]> {
  return await Promise.all([vitest({ args: ["--project=!matrix"] }), check()]);
}

/** One after another: each is tuned to have the machine for itself. */
async function matrix(): Promise<Count[]> {
  const counts = [await onOldestServer()];
  counts.push(await vitest({ args: ["--project=matrix", "--passWithNoTests"] }));
  counts.push(...(await runtimes()));
  const env = { SLUICE_SCHEDULES: MATRIX_SCHEDULES };
  counts.push(await vitest({ args: ["--project=node", "test/soak"], env }));
  return counts;
}

async function onOldestServer(): Promise<Count> {
  try {
    const { path } = await fetchDebianNatsBinary({ log: (line) => console.log(line) });
    return await vitest({
      args: ["test/conformance", "test/connection", "test/scenarios"],
      env: { NATS_SERVER: path },
    });
  } catch (error) {
    return skipped(`nats-server ${OLDEST_VERSION}: ${error instanceof Error ? error.message : error}`);
  }
}

/**
 * The conformance suites on each runtime, or on those named. docs/platforms.md gets the table of what they came to, and of
 * what the others came to before.
 */
async function runtimes(names: readonly string[] = []): Promise<Count[]> {
  const all: readonly Runtime[] = [{ name: "workerd" }, NODE, ...RUNTIMES];
  const counts: Count[] = [];
  const results = new Map(readResults().map((result) => [result.name, result]));
  for (const runtime of all.filter(({ name }) => names.length === 0 || names.includes(name))) {
    const { name } = runtime;
    const count = await onRuntime(runtime);
    counts.push(count);
    const { passed, failed, skipped } = count;
    if (passed > 0) results.set(name, { name, version: versionOf(runtime), passed, failed, skipped });
  }
  writeResults(all.flatMap(({ name }) => results.get(name) ?? []));
  // Not before: it reads the sources, which may be what is broken.
  (await import("./support/docs.ts")).writeTables();
  return counts;
}

async function onRuntime({ name, command }: Runtime): Promise<Count> {
  console.log(`the conformance suites on ${name}`);
  if (name === "workerd") return await vitest({ args: ["--project=workerd"] });
  if (command === undefined) return skipped(`${name}: none of it for this system`);
  // Bun reads the authority that it trusts when it starts, and no later.
  const certificates = await certificatesOfThisRun();
  const env = { SLUICE_RUNTIME: name, NODE_EXTRA_CA_CERTS: certificates.ca.cert };
  return await vitest({ args: ["--config=test/support/runtime.config.ts"], env, command });
}

async function run(args: readonly string[]): Promise<Count[]> {
  if (args.length === 0) return await suite();
  if (args[0] === "--matrix") return await matrix();
  if (args[0] === "--runtimes") return await runtimes(args.slice(1));
  if (args[0] === "--sum") return readCounts(process.env.SLUICE_COUNTS ?? "");
  return [await vitest({ args })];
}

const args = process.argv.slice(2);
const total = sum(await run(args));
const shared = process.env.SLUICE_COUNTS;
if (shared === undefined || args[0] === "--sum") conclude(total);
else {
  writeCount(shared, total);
  process.exitCode = total.failed > 0 ? 1 : 0;
}
