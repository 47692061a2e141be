// The examples that are programs of their own, run by the runtime that they are for: each drains a real consumer.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { beforeEach, describe, expect, test } from "vitest";
import { type LabServer, labServer } from "../support/lab-client.ts";
import { BUN, DENO, inBunCron, inDeno, inNode, PATIENCE, portOf, start } from "../support/programs.ts";
import { SLUICE } from "../support/sluice.ts";

const SERVED = fileURLToPath(new URL("../support/serve-drain.ts", import.meta.url));

let server: LabServer;
let login: Record<string, string>;
beforeEach(async () => {
  server = await labServer({
    authorization: "authorization { token: s3cret }",
    adminLogin: { token: "s3cret" },
  });
  await server.createStream("ORDERS");
  await server.createConsumer("ORDERS", "billing");
  await server.publish("ORDERS.new", 2);
  login = { NATS_URL: server.wsUrl, NATS_TOKEN: "s3cret", DRAIN_TOKEN: "drain-s3cret" };
});

/** Both messages are acked. */
async function drained(): Promise<void> {
  const left = async (): Promise<number> => {
    const { pending, ackPending } = await server.consumerState("ORDERS", "billing");
    return pending + ackPending;
  };
  await expect.poll(left, PATIENCE).toBe(0);
}

const inDenoTest = test.skipIf(DENO === undefined);

inDenoTest("the example of Deno Deploy drains when the real Deno.cron fires", async () => {
  start(await inDeno("deno-deploy/main.ts"), { ...login, DENO_CRON_TEST_SCHEDULE_OFFSET: "100" });
  await drained();
});

inDenoTest("the example of Supabase drains for whoever has the token in its own header", async () => {
  const program = start(await inDeno("supabase/index.ts"), {
    ...login,
    DENO_SERVE_ADDRESS: "tcp:127.0.0.1:0",
  });
  const url = `http://127.0.0.1:${await portOf(program)}/drain`;
  const post = (headers: Record<string, string>) => fetch(url, { method: "POST", headers });
  expect((await post({ Authorization: "Bearer drain-s3cret" })).status).toBe(401);
  expect((await post({ "Drain-Authorization": "Bearer drain-s3cret" })).status).toBe(200);
  await drained();
});

test.skipIf(BUN === undefined)("the example of Bun drains when Bun's cron runs the module", async () => {
  const program = start(inBunCron("bun/drain.ts"), login);
  expect(await program.exit, program.printed()).toBe(0);
  await drained();
});

/** The commands by which other runtimes serve a module's `fetch`. */
const SERVERS = [
  { name: "Bun", command: BUN && [...BUN, "run"] },
  { name: "Deno", command: DENO && [DENO[0] ?? "", "serve", "--allow-all", "--port=0"] },
];

describe.each(SERVERS)("a drain behind a URL in $name", ({ command }) => {
  test.skipIf(command === undefined)(
    "answers 200 and the report with the token, 401 without it",
    async () => {
      const program = start([...(command ?? []), SERVED], login);
      const url = `http://127.0.0.1:${await portOf(program)}/`;
      expect((await fetch(url, { method: "POST" })).status).toBe(401);
      const headers = { Authorization: "Bearer drain-s3cret" };
      const response = await fetch(url, { method: "POST", headers });
      expect(await response.json()).toMatchObject({ outcome: "completed", acked: 2 });
    },
  );
});

test("the example of Node drains, and ends at SIGTERM by itself", async () => {
  const program = start(inNode("node/drain.ts"), login);
  await drained();
  await expect.poll(program.printed, PATIENCE).toContain('"acked":2');
  program.process.kill("SIGTERM");
  expect(await program.exit).toBe(0);
});

test("the example of Google Cloud drains by POST on the port that it is given", async () => {
  const program = start(inNode("google-cloud/server.ts"), { ...login, PORT: "0" });
  const url = `http://127.0.0.1:${await portOf(program)}`;
  const response = await fetch(url, { method: "POST" });
  expect(await response.json()).toMatchObject({ outcome: "completed", acked: 2 });
  program.process.kill("SIGTERM");
  expect(await program.exit).toBe(0);
});

const examples = fileURLToPath(new URL("../../examples/", import.meta.url));

/** What an example's file starts: the words behind `sluice`, whether they stand in a line or in a list. */
function commandIn(file: string): string[] {
  const text = readFileSync(`${examples}${file}`, "utf8");
  const [, words = ""] = /sluice"?,? ("?run\b[^\n\]|]*)/.exec(text) ?? [];
  return words.replaceAll(/[",]/g, "").trim().split(" ");
}

test.each([
  "cloud-run-job/Dockerfile",
  "fly/Dockerfile",
  "github-actions/drain.yml",
  "kubernetes/cronjob.yaml",
  "systemd/sluice.service",
])("the command of %s drains, prints the report and ends with 0", async (file) => {
  const [run = "", module = "", ...options] = commandIn(file);
  expect([run, module, options]).toEqual(["run", "drain.ts", ["--limit", expect.any(String)]]);
  const folder = file.split("/")[0];
  const program = start(
    [
      ...inNode(`${folder}/${module}`).slice(0, -1),
      SLUICE,
      run,
      `${examples}${folder}/${module}`,
      ...options,
    ],
    login,
  );
  expect(await program.exit, program.printed()).toBe(0);
  expect(program.printed()).toMatch(/"outcome":"completed".*"acked":2/);
});
