// `sluice run` as a scheduler runs it: a real process, a module of a user's, a real nats-server.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import type { Report } from "../../src/index.ts";
import { type LabServer, labServer } from "../support/lab-client.ts";
import { type Run, type RunningSluice, startSluice } from "../support/sluice.ts";

const INDEX = new URL("../../src/index.ts", import.meta.url).href;

function start(args: readonly string[], env?: Readonly<Record<string, string>>): RunningSluice {
  return startSluice(["run", ...args], env);
}

const run = async (args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Run> =>
  await start(args, env).ended;

/** The one line on stdout. */
function reportOf({ stdout }: Run): Report {
  expect(stdout).toMatch(/^[^\n]+\n$/);
  return JSON.parse(stdout);
}

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "sluice-run-test-"));
  onTestFinished(() => rm(folder, { recursive: true }));
});

async function givenModule(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}

/** A module whose drain has this handler, and these lines behind it. */
async function givenDrain(handler: string, exports = "export default drain;"): Promise<string> {
  const text = `import { defineDrain } from ${JSON.stringify(INDEX)};
    type Env = { readonly NATS_URL: string; readonly CONSUMER?: string };
    const drain = defineDrain<Env>((env: Env) => ({
      servers: env.NATS_URL,
      auth: { user: "drain", password: "drain-pw" },
      stream: "ORDERS",
      consumer: env.CONSUMER ?? "billing",
      maxWaitMs: 300,
      handler: ${handler},
    }));
    ${exports}\n`;
  return await givenModule("drain.ts", text);
}

async function givenOrders(count: number): Promise<LabServer> {
  const server = await labServer();
  await server.createStream("ORDERS", { subjects: ["orders.>"] });
  await server.createConsumer("ORDERS", "billing", { ack_wait: 60_000_000_000 });
  await server.publish("orders.eu", count);
  return server;
}

describe("sluice run", () => {
  it.each([
    ["a default export", "export default drain;", ["--limit", "10s"]],
    ["an export named drain", "export { drain };", ["--limit", "10000"]],
    ["{ drain, limitMs }", "export default { drain, limitMs: 10_000 };", []],
  ])("runs %s of a .ts module, and prints its report as one line", async (_what, exports, args) => {
    const server = await givenOrders(3);
    const ended = await run([await givenDrain("() => {}", exports), ...args], { NATS_URL: server.wsUrl });
    expect(ended.code, ended.stderr).toBe(0);
    expect(reportOf(ended)).toMatchObject({ outcome: "completed", fetched: 3, acked: 3 });
    expect(ended.stderr).toMatch(/^sluice: completed, empty \(3 fetched, 3 acked, \d+ ms\): .*\n$/m);
  });

  it.each(["--env-file", "-f"])("takes the variables of %s, and the environment's before", async (option) => {
    const server = await givenOrders(1);
    const file = await givenModule("drain.env", `NATS_URL=${server.wsUrl}\nCONSUMER=nobody\n`);
    const args = [await givenDrain("() => {}"), "--limit", "10s", option, file];
    const ended = await run(args, { CONSUMER: "billing" });
    expect(ended.code, ended.stderr).toBe(0);
    expect(reportOf(ended)).toMatchObject({ acked: 1 });
  });

  it("exits 75 when it is worth another try, and 78 when it is not", async () => {
    const module = await givenDrain("() => {}");
    const unreachable = await run([module, "--limit", "5s"], { NATS_URL: "ws://127.0.0.1:1" });
    expect([unreachable.code, reportOf(unreachable).reason]).toEqual([75, "connect-failed"]);
    const server = await givenOrders(0);
    const wrong = await run([module, "--limit", "5s"], { NATS_URL: server.wsUrl, CONSUMER: "nobody" });
    expect([wrong.code, reportOf(wrong).reason]).toEqual([78, "consumer-not-found"]);
  });

  it.each(["SIGTERM", "SIGINT"] as const)("on %s settles what it holds, and exits 75", async (signal) => {
    const server = await givenOrders(5);
    const handler = `(_message: unknown, { signal }: { signal: AbortSignal }) => new Promise<void>((resolve) => {
      console.error("handling");
      signal.addEventListener("abort", () => resolve());
    })`;
    const { child, ended } = start([await givenDrain(handler), "--limit", "60s"], { NATS_URL: server.wsUrl });
    const said = Promise.withResolvers<void>();
    child.stderr?.on("data", (text: string) => text.includes("handling") && said.resolve());
    await said.promise;
    child.kill(signal);
    const end = await ended;
    expect(end.code, end.stderr).toBe(75);
    const report = reportOf(end);
    expect(report).toMatchObject({ outcome: "retryable", reason: "aborted", unconfirmed: 0 });
    expect(report.acked + report.retried + report.released).toBe(report.fetched);
  });

  it.each<[what: string, text: string | undefined, args: string[], line: RegExp]>([
    ["a module that is not there", undefined, ["--limit", "5s"], /There is no module .*drain\.ts/],
    ["a module without a drain", "export default 1;", ["--limit", "5s"], /exports no drain/],
    ["no limit", "export default { run() {} };", [], /--limit is missing/],
    ["a limit that is none", "export default { run() {} };", ["--limit", "soon"], /--limit must be .*'soon'/],
  ])("answers %s with one line and exit code 64", async (_what, text, args, line) => {
    const path = text === undefined ? join(folder, "drain.ts") : await givenModule("drain.ts", text);
    const { code, stdout, stderr } = await run([path, ...args]);
    expect({ code, stdout }).toEqual({ code: 64, stdout: "" });
    expect(stderr).toMatch(line);
    expect(stderr).toMatch(/^[^\n]*; see sluice run --help\n$/);
  });

  it.each(['import { defineDrain } from "sluice";', "export default {};"])(
    "says of a module that package.json makes CommonJS what to set: %s",
    async (text) => {
      await givenModule("package.json", '{ "type": "commonjs" }');
      const path = await givenModule("drain.ts", text);
      const { code, stderr } = await run([path, "--limit", "5s"]);
      expect(code).toBe(64);
      expect(stderr).toContain(
        'is loaded as CommonJS, which has no import: set "type": "module" in package.json',
      );
    },
  );

  it("takes a drain that comes as a promise", async () => {
    const server = await givenOrders(1);
    const path = await givenDrain("() => {}", "export default Promise.resolve({ drain, limitMs: 10_000 });");
    const ended = await run([path], { NATS_URL: server.wsUrl });
    expect(ended.code, ended.stderr).toBe(0);
    expect(reportOf(ended)).toMatchObject({ acked: 1 });
  });

  it("exits 78 where the module's own options are wrong, as one that reads a variable that is not set", async () => {
    const text = `import { defineDrain } from ${JSON.stringify(INDEX)};
      const names = { stream: "ORDERS", consumer: "billing" };
      export default defineDrain({ ...names, servers: process.env.NO_SUCH_URL, handler: () => {} });`;
    const ended = await run([await givenModule("drain.mjs", text), "--limit", "5s"]);
    expect(ended).toMatchObject({ code: 78, stdout: "" });
    expect(ended.stderr).toMatch(/^sluice: servers: must be an address[^\n]*\n$/);
  });

  it("on SIGTERM while the module is loaded exits 75, whatever the module waits for", async () => {
    const text = 'console.error("loading"); await new Promise(() => setInterval(() => {}, 60_000));';
    const { child, ended } = start([await givenModule("drain.mjs", text), "--limit", "60s"]);
    const said = Promise.withResolvers<void>();
    child.stderr?.on("data", (line: string) => line.includes("loading") && said.resolve());
    await said.promise;
    child.kill("SIGTERM");
    expect(await ended).toMatchObject({
      code: 75,
      stderr: expect.stringMatching(/ended while .* was loaded/),
    });
  });

  it("ends although the module holds the process open, as a pool of connections does", async () => {
    const server = await givenOrders(1);
    const path = await givenDrain("() => {}", "export default drain; setInterval(() => {}, 60_000);");
    const ended = await run([path, "--limit", "10s"], { NATS_URL: server.wsUrl });
    expect(ended.code, ended.stderr).toBe(0);
    expect(reportOf(ended)).toMatchObject({ outcome: "completed", acked: 1 });
  });

  it("passes on in one line what the module throws", async () => {
    const path = await givenModule("drain.js", 'throw new Error("no DATABASE_URL");');
    expect(await run([path, "--limit", "5s"])).toMatchObject({
      code: 1,
      stderr: "sluice: no DATABASE_URL\n",
    });
  });
});
