// `npm run bench`: every measure side by side with what a user would write instead, in one run, on a real nats-server.
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, cpus, loadavg, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { type Certificates, makeCertificates } from "../support/certificates.ts";
import { makeBed } from "./bed.ts";
import type { Bench, Measure, Row } from "./bench.ts";
import { bundle } from "./bundle.ts";
import { cost } from "./cost.ts";
import { cpu } from "./cpu.ts";
import { forward } from "./forward.ts";
import { growth } from "./growth.ts";
import { idle } from "./idle.ts";
import { latency } from "./latency.ts";
import { loss } from "./loss.ts";
import { memory } from "./memory.ts";
import { peers } from "./peers.ts";
import { release } from "./release.ts";
import { formatReport } from "./report.ts";
import { roundTrips } from "./round-trips.ts";
import { nodeRuntime, type Workerd, workerdRuntime } from "./runtimes.ts";
import { scale } from "./scale.ts";
import { signIn } from "./sign-in.ts";
import { slowLink } from "./slow-link.ts";
import { smallDrain } from "./small-drain.ts";
import { round } from "./stats.ts";
import { tail } from "./tail.ts";
import { throughput } from "./throughput.ts";
import { waitingMinute } from "./waiting-minute.ts";

/** A measure whose result only itself reads. */
type Runnable = (
  bench: Bench,
) => Promise<{ readonly key: string; readonly result: unknown; readonly rows: readonly Row[] }>;

function runnable<Result>(measure: Measure<Result>): Runnable {
  return async (bench) => {
    const result = await bench.measured(measure);
    return { key: measure.key, result, rows: measure.rows(result) };
  };
}

const MEASURES: ReadonlyMap<string, Runnable> = new Map([
  [roundTrips.name, runnable(roundTrips)],
  [throughput.name, runnable(throughput)],
  [cpu.name, runnable(cpu)],
  [tail.name, runnable(tail)],
  [idle.name, runnable(idle)],
  [latency.name, runnable(latency)],
  [waitingMinute.name, runnable(waitingMinute)],
  [loss.name, runnable(loss)],
  [forward.name, runnable(forward)],
  [smallDrain.name, runnable(smallDrain)],
  [slowLink.name, runnable(slowLink)],
  [signIn.name, runnable(signIn)],
  [peers.name, runnable(peers)],
  [release.name, runnable(release)],
  [memory.name, runnable(memory)],
  [growth.name, runnable(growth)],
  [scale.name, runnable(scale)],
  [bundle.name, runnable(bundle)],
  [cost.name, runnable(cost)],
]);

const MAX_SECONDS = 600;

/** The longest takes a third of it on an idle machine; one that hangs must not take the others' results with it. */
const MEASURE_TIMEOUT_MS = 240_000;

/** These wait nearly all of their time, for seconds, and use no process that another uses: they are measured side by side. */
const WAITING: ReadonlySet<string> = new Set([latency.name, loss.name, release.name]);

const HELP = `Usage: npm run bench -- [options]

Measures Sluice beside nats.js and beside the floor under both, on a real nats-server. Takes some minutes.

Options:
  --json         Print one JSON object on stdout; the table goes to stderr.
  --only <name>  Only this measure; may be given several times:
                 ${[...MEASURES.keys()].join(", ")}.
  --quick        One round of each: shows that all works; its figures mean nothing.
  --help         Print this help.
`;

async function main(): Promise<void> {
  const { json, only, quick, help } = readArguments();
  if (help) return void process.stdout.write(HELP);
  const log = (line: string): void => void process.stderr.write(`${line}\n`);
  await using trusted = await trustedCertificates();
  await using bed = await makeBed();
  await using node = nodeRuntime();
  let workerd: Promise<Workerd> | undefined;
  const results = new Map<string, Promise<unknown>>();
  const bench: Bench = {
    bed,
    node,
    certificates: trusted.certificates,
    workerd: () => (workerd ??= workerdRuntime()),
    measured: async <Result>(measure: Measure<Result>) => {
      const running = results.get(measure.key) ?? measure.run(bench);
      results.set(measure.key, running);
      return (await running) as Result; // the key is the measure's own
    },
    rounds: (planned) => (quick ? { count: 1, warmUps: Math.min(1, planned.warmUps) } : planned),
    log,
  };
  const context = describeRun(bed.server.version);
  log(
    `${context.machine.cpus} x ${context.machine.model}, Node ${context.machine.node}, nats-server ${context.server.version}`,
  );
  const members: Record<string, unknown> = { ...context };
  const seconds: Record<string, number> = {};
  const rows = new Map<string, readonly Row[]>();
  const failed: { readonly name: string; readonly message: string }[] = [];
  const runOne = async (name: string): Promise<void> => {
    const startedAt = performance.now();
    try {
      const done = await within(MEASURE_TIMEOUT_MS, MEASURES.get(name)?.(bench));
      if (!done) throw new Error(`there is no measure "${name}"`);
      members[done.key] = done.result;
      rows.set(name, done.rows);
    } catch (error) {
      // The others are worth their minutes all the same.
      failed.push({ name, message: messageOf(error) });
      log(`${name} failed: ${messageOf(error)}`);
    }
    seconds[name] = round((performance.now() - startedAt) / 1_000);
  };
  const names = only.length > 0 ? only : [...MEASURES.keys()];
  const startedAt = performance.now();
  try {
    for (const group of grouped(names)) await Promise.all(group.map(runOne));
  } finally {
    await (await workerd)?.[Symbol.asyncDispose]();
  }
  const measured = names.flatMap((name) => rows.get(name) ?? []);
  const targets = only.length > 0 ? measured : [...measured, ownRow(performance.now() - startedAt)];
  (json ? process.stderr : process.stdout).write(`\n${formatReport(targets)}`);
  const result = { ...members, targets, seconds, failed };
  if (json) process.stdout.write(`${JSON.stringify(result, undefined, 2)}\n`);
  for (const { name, message } of failed) log(`bench: ${name} failed: ${message}`);
  if (failed.length > 0) process.exitCode = 1;
}

function ownRow(ms: number): Row {
  const took = `${round(ms / 1_000, 0)} s`;
  const target = `under ${MAX_SECONDS} s`;
  return {
    what: "the bench itself",
    sluice: took,
    peer: "",
    got: took,
    target,
    met: ms < MAX_SECONDS * 1_000,
  };
}

/** What is run at once: each of {@link WAITING} with the others of it, the rest alone. */
function grouped(names: readonly string[]): readonly (readonly string[])[] {
  const waiting = names.filter((name) => WAITING.has(name));
  const alone = names.filter((name) => !WAITING.has(name)).map((name) => [name]);
  return waiting.length > 0 ? [waiting, ...alone] : alone;
}

/** Rejects when it takes longer. What it left running then ends with the process. */
async function within<T>(ms: number, promise: Promise<T> | undefined): Promise<T | undefined> {
  const late = new AbortController();
  const timeout = sleep(ms, undefined, { signal: late.signal }).then(() => {
    throw new Error(`it took more than ${ms / 1_000} s`);
  });
  timeout.catch(() => {}); // It was in time.
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    late.abort();
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Certificates that the runtimes trust: Node's processes when they start, and workerd when wrangler or miniflare is loaded. */
async function trustedCertificates(): Promise<AsyncDisposable & { readonly certificates: Certificates }> {
  const folder = await mkdtemp(join(tmpdir(), "sluice-bench-"));
  const certificates = await makeCertificates(folder);
  process.env.NODE_EXTRA_CA_CERTS = certificates.ca.cert;
  return {
    certificates,
    [Symbol.asyncDispose]: async () => await rm(folder, { recursive: true, force: true }),
  };
}

function readArguments(): { json: boolean; only: readonly string[]; quick: boolean; help: boolean } {
  const { values } = parseArgs({
    options: {
      json: { type: "boolean", default: false },
      only: { type: "string", multiple: true, default: [] },
      quick: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const unknown = values.only.find((name) => !MEASURES.has(name));
  if (unknown !== undefined)
    throw new Error(`there is no measure "${unknown}": ${[...MEASURES.keys()].join(", ")}`);
  return values;
}

/** What the figures depend on beside the code. */
function describeRun(serverVersion: string) {
  const installed = (name: string): string => {
    // Every package here has a version; several do not export their package.json, so it is read as a file.
    const text = readFileSync(new URL(`../../node_modules/${name}/package.json`, import.meta.url), "utf8");
    return (JSON.parse(text) as { version: string }).version;
  };
  return {
    server: { version: serverVersion },
    machine: {
      cpus: availableParallelism(),
      model: cpus()[0]?.model ?? "unknown",
      memoryBytes: totalmem(),
      os: `${process.platform} ${process.arch}`,
      node: process.version,
      loadAverage: loadavg()[0],
    },
    versions: Object.fromEntries(
      ["@nats-io/nats-core", "@nats-io/jetstream", "workerd", "wrangler", "hono"].map((name) => [
        name,
        installed(name),
      ]),
    ),
    at: new Date().toISOString(),
  };
}

try {
  await main();
} catch (error) {
  process.stderr.write(`bench: ${messageOf(error)}\n`);
  process.exitCode = 1;
}
// A measure that was given up may have left what keeps a process alive.
setTimeout(() => process.exit(), 2_000).unref();
