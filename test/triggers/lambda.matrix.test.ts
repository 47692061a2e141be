// The example of Lambda in AWS's own Runtime Interface Emulator, under AWS's own Node client: what Lambda gets to hear.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { expect, onTestFinished } from "vitest";
import { alias } from "../support/config.ts";
import { labServer, labSilentPeer, labStatusPeer } from "../support/lab-client.ts";
import { lambdaParts } from "../support/lambda-parts.ts";
import { freePort } from "../support/programs.ts";

const parts = await lambdaParts();
const { test } = parts;

/** What Lambda hears of one invocation: the report, or the error's name and message. */
async function invoke(natsUrl: string, timeoutS: number): Promise<Record<string, unknown>> {
  // Inside the project, so that `ws` is found; git ignores it.
  const folder = await mkdtemp(fileURLToPath(new URL("../.lambda-", import.meta.url)));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await build({
    entryPoints: [fileURLToPath(new URL("../../examples/lambda/index.ts", import.meta.url))],
    bundle: true,
    platform: "node",
    format: "esm",
    outfile: join(folder, "index.mjs"),
    alias: { ...alias },
    external: ["ws"],
    banner: {
      js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
    },
  });
  const [runtime, emulator] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
  const flags = ["--runtime-api-address", runtime, "--runtime-interface-emulator-address", emulator];
  const child = spawn(parts.emulator, [...flags, process.execPath, parts.client, "index.handler"], {
    stdio: "ignore",
    env: {
      ...process.env,
      NATS_URL: natsUrl,
      NATS_TOKEN: "s3cret",
      _HANDLER: "index.handler",
      LAMBDA_TASK_ROOT: folder,
      AWS_LAMBDA_FUNCTION_TIMEOUT: String(timeoutS),
    },
  });
  const ended = once(child, "exit");
  onTestFinished(async () => {
    child.kill("SIGTERM");
    await ended;
  });
  await expect.poll(() => listens(emulator), { timeout: 10_000 }).toBe(true);
  const url = `http://${emulator}/2015-03-31/functions/function/invocations`;
  const text = await (await fetch(url, { method: "POST", body: "{}" })).text();
  return text.startsWith("{") ? JSON.parse(text) : { text };
}

/** Whether somebody accepts a connection there. */
async function listens(address: string): Promise<boolean> {
  const { hostname, port } = new URL(`http://${address}`);
  const socket = connect(Number(port), hostname);
  const accepted = await once(socket, "connect").then(
    () => true,
    () => false,
  );
  socket.destroy();
  return accepted;
}

test("a function gives Lambda the report of its drain", async () => {
  const server = await labServer({
    authorization: "authorization { token: s3cret }",
    adminLogin: { token: "s3cret" },
  });
  await server.createStream("ORDERS");
  await server.createConsumer("ORDERS", "billing");
  await server.publish("ORDERS.new", 2);
  expect(await invoke(server.wsUrl, 20)).toMatchObject({ outcome: "completed", acked: 2 });
});

test("a drain of a silent server ends within what Lambda has left, and may be retried", async () => {
  const peer = await labSilentPeer();
  expect(await invoke(peer.wsUrl, 5)).toMatchObject({ errorType: "DrainRetryableError" });
});

test("a drain that only an operator can help says so by the error's name", async () => {
  const peer = await labStatusPeer(401);
  expect(await invoke(peer.wsUrl, 20)).toMatchObject({ errorType: "DrainFatalError" });
});
