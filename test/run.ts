// `npm test`: the whole suite on the newest nats-server, then the conformance suites on the oldest supported one, then one
// plain line with the count of both. Arguments go to vitest, which then runs once: `npm test -- test/budget.test.ts`.
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fetchDebianNatsBinary, OLDEST_VERSION } from "../src/demo/nats-binary.ts";

// Under 10 minutes on 2 cores; a soak takes what its schedules take.
const LONGEST_RUN_MS = process.env.SLUICE_SCHEDULES === undefined ? 14 * 60_000 : 12 * 3_600_000;

interface Count {
  passed: number;
  failed: number;
  skipped: number;
  /** What failed, and how: printed once more at the end, where a long log is read first. */
  failures: string[];
}

/** What is read of vitest's own report, in jest's format. */
interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly message?: string;
    readonly assertionResults: readonly {
      status: string;
      fullName: string;
      failureMessages?: readonly string[];
    }[];
  }[];
}

/** Runs vitest as a user would see it, and reads its count from its JSON report. */
async function vitest(args: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<Count> {
  const folder = await mkdtemp(join(tmpdir(), "sluice-count-"));
  const file = join(folder, "count.json");
  try {
    const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${file}`];
    const child = spawn("vitest", ["run", ...reporters, ...args], { stdio: "inherit", env });
    // A run that hangs must fail, and say so.
    const timer = setTimeout(() => child.kill("SIGKILL"), LONGEST_RUN_MS);
    const code = await new Promise<number>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (exit) => resolve(exit ?? 1));
    });
    clearTimeout(timer);
    const report = JSON.parse(await readFile(file, "utf8")) as Report;
    const failed = report.numFailedTests;
    return {
      passed: report.numPassedTests,
      // A file that could not be loaded, or an error outside of a test, fails the run without failing a test.
      failed: failed === 0 && code !== 0 ? 1 : failed,
      skipped: report.numPendingTests + report.numTodoTests,
      failures: failuresOf(report),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function failuresOf(report: Report): string[] {
  return report.testResults.flatMap(({ name, message, assertionResults }) => [
    ...(message ? [`${name}\n${message}`] : []),
    ...assertionResults
      .filter(({ status }) => status === "failed")
      .map(({ fullName, failureMessages = [] }) => [`${name}: ${fullName}`, ...failureMessages].join("\n")),
  ]);
}

async function oldestServer(): Promise<string | undefined> {
  try {
    return (await fetchDebianNatsBinary({ log: (line) => console.log(line) })).path;
  } catch (error) {
    console.log(
      `not tested on nats-server ${OLDEST_VERSION}: ${error instanceof Error ? error.message : String(error)}`,
    );
    return undefined;
  }
}

const args = process.argv.slice(2);
const counts = [await vitest(args)];
if (args.length === 0 && process.env.NATS_SERVER === undefined) {
  const oldest = await oldestServer();
  if (oldest) counts.push(await vitest(["test/conformance"], { ...process.env, NATS_SERVER: oldest }));
}
const sum = (key: Exclude<keyof Count, "failures">): number =>
  counts.reduce((total, count) => total + count[key], 0);
for (const failure of counts.flatMap(({ failures }) => failures)) console.log(`failed: ${failure}`);
console.log(`${sum("passed")} passed, ${sum("failed")} failed, ${sum("skipped")} skipped`);
process.exitCode = sum("failed") > 0 || sum("passed") === 0 ? 1 : 0;
