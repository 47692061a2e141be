// The examples that are programs of their own, run by the runtime that they are for: each drains a real consumer.
import { type ChildProcess, spawn } from "node:child_process";
import { copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { alias } from "../support/config.ts";
import { type LabServer, labServer } from "../support/lab-client.ts";
import { RUNTIMES } from "../support/runtimes.ts";

const example = (path: string): string => fileURLToPath(new URL(`../../examples/${path}`, import.meta.url));
const support = (path: string): string => fileURLToPath(new URL(`../support/${path}`, import.meta.url));
const DENO = RUNTIMES.find(({ name }) => name === "Deno")?.command;
const BUN = RUNTIMES.find(({ name }) => name === "Bun")?.command;
/** Programs start slowly on a machine that is busy. */
const PATIENCE = { timeout: 20_000, interval: 50 };

let server: LabServer;
beforeEach(async () => {
  server = await labServer({
    authorization: "authorization { token: s3cret }",
    adminLogin: { token: "s3cret" },
  });
  await server.createStream("ORDERS");
  await server.createConsumer("ORDERS", "billing");
  await server.publish("ORDERS.new", 2);
});

interface Program {
  readonly process: ChildProcess;
  readonly exit: Promise<number | null>;
  /** What it printed so far. */
  printed(): string;
}

/** Starts a program for this test alone. */
function start([program = "", ...args]: readonly string[], env: Record<string, string> = {}): Program {
  let printed = "";
  const login = { NATS_URL: server.wsUrl, NATS_TOKEN: "s3cret", DRAIN_TOKEN: "drain-s3cret" };
  const child = spawn(program, args, { env: { ...process.env, NO_COLOR: "1", ...login, ...env } });
  child.stdout.on("data", (text) => {
    printed += text;
  });
  child.stderr.on("data", (text) => {
    printed += text;
  });
  const { promise: exit, resolve } = Promise.withResolvers<number | null>();
  child.once("exit", resolve);
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await exit;
  });
  return { process: child, exit, printed: () => printed };
}

/** Both messages are acked. */
const drained = (): Promise<void> =>
  expect
    .poll(async () => {
      const { pending, ackPending } = await server.consumerState("ORDERS", "billing");
      return { pending, ackPending };
    }, PATIENCE)
    .toEqual({ pending: 0, ackPending: 0 });

/** The port that a server says it listens on. */
async function portOf(program: Program): Promise<string> {
  const port = (): string | undefined => /http:\/\/[^/\s]+:(\d+)/.exec(program.printed())?.[1];
  await expect.poll(port, PATIENCE).toBeDefined();
  return port() ?? "";
}

describe.skipIf(DENO === undefined)("in Deno", () => {
  /** The example outside its own deno.json, which names the published package, with the package's sources instead. */
  async function fromSource(path: string): Promise<string[]> {
    // Inside the project, so that the sources' own imports resolve; git ignores it.
    const folder = await mkdtemp(fileURLToPath(new URL("../.deno-", import.meta.url)));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const imports = Object.entries(alias).map(([name, source]) => [name, pathToFileURL(source).href]);
    const map = join(folder, "imports.json");
    await writeFile(map, JSON.stringify({ imports: Object.fromEntries(imports) }));
    await copyFile(example(path), join(folder, "main.ts"));
    return [`--import-map=${map}`, "--unstable-cron", join(folder, "main.ts")];
  }

  test("the example of Deno Deploy drains when the real Deno.cron fires", async () => {
    const offset = { DENO_CRON_TEST_SCHEDULE_OFFSET: "100" };
    start([...(DENO ?? []), ...(await fromSource("deno-deploy/main.ts"))], offset);
    await drained();
  });

  test("the example of Supabase drains for whoever has the token in its own header", async () => {
    const command = [...(DENO ?? []), ...(await fromSource("supabase/index.ts"))];
    const program = start(command, { DENO_SERVE_ADDRESS: "tcp:127.0.0.1:0" });
    const url = `http://127.0.0.1:${await portOf(program)}/drain`;
    const post = (headers: Record<string, string>) => fetch(url, { method: "POST", headers });
    expect((await post({ Authorization: "Bearer drain-s3cret" })).status).toBe(401);
    expect((await post({ "Drain-Authorization": "Bearer drain-s3cret" })).status).toBe(200);
    await drained();
  });
});

test.skipIf(BUN === undefined)("the example of Bun drains when Bun's cron runs the module", async () => {
  const flags = [`--tsconfig-override=${support("../tsconfig.json")}`];
  const cron = ["--cron-title=drain-orders", "--cron-period=* * * * *"];
  const program = start([...(BUN ?? []), ...flags, "run", ...cron, example("bun/drain.ts")]);
  expect(await program.exit, program.printed()).toBe(0);
  await drained();
});

test("the example of Node drains, and ends at SIGTERM by itself", async () => {
  const program = start([process.execPath, "--import", support("from-source.ts"), example("node/drain.ts")]);
  await drained();
  await expect.poll(program.printed, PATIENCE).toContain('"acked":2');
  program.process.kill("SIGTERM");
  expect(await program.exit).toBe(0);
});

test("the example of Google Cloud drains by POST on the port that it is given", async () => {
  const command = [
    process.execPath,
    "--import",
    support("from-source.ts"),
    example("google-cloud/server.ts"),
  ];
  const program = start(command, { PORT: "0" });
  expect(
    await (await fetch(`http://127.0.0.1:${await portOf(program)}`, { method: "POST" })).json(),
  ).toMatchObject({
    outcome: "completed",
    acked: 2,
  });
  program.process.kill("SIGTERM");
  expect(await program.exit).toBe(0);
});
