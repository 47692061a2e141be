// A function in AWS's Runtime Interface Emulator, under AWS's own Node client, as SAM would build it.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type Format } from "esbuild";
import { expect, onTestFinished } from "vitest";
import { alias } from "./config.ts";
import type { LambdaParts } from "./lambda-parts.ts";
import { freePort } from "./programs.ts";

/** What a caller of Lambda hears: what the handler returned, or the error's name and message. */
type Answer = Record<string, unknown>;

/** A function that is up, for this test alone. */
export type Invoke = (event: object, headers?: Record<string, string>) => Promise<Answer>;

/** Starts the function of an example. Its environment stays for every call, as Lambda's does. */
export async function lambdaOf(
  { emulator, client }: LambdaParts,
  example: string,
  env: Readonly<Record<string, string>>,
  timeoutS: number,
): Promise<Invoke> {
  const folder = await mkdtemp(join(tmpdir(), "sluice-lambda-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await buildBySam(example, folder);
  const [runtime, endpoint] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
  const flags = ["--runtime-api-address", runtime, "--runtime-interface-emulator-address", endpoint];
  const child = spawn(emulator, [...flags, process.execPath, client, "index.handler"], {
    stdio: "ignore",
    env: {
      ...process.env,
      ...env,
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
  await expect.poll(() => listens(endpoint), { timeout: 10_000 }).toBe(true);
  const url = `http://${endpoint}/2015-03-31/functions/function/invocations`;
  return async (event, headers = {}) => {
    const response = await fetch(url, { method: "POST", body: JSON.stringify(event), headers });
    const text = await response.text();
    return text.startsWith("{") ? JSON.parse(text) : { status: response.status, text };
  };
}

/** Bundles the function with what its template.yaml says, and nothing beside it: it runs far from any node_modules. */
async function buildBySam(example: string, folder: string): Promise<void> {
  const from = fileURLToPath(new URL(`../../examples/${example}/`, import.meta.url));
  const template = await readFile(`${from}template.yaml`, "utf8");
  const [, entry = "", format = "", target = ""] =
    /EntryPoints: \[(.+)\], Format: (\w+), Target: (\w+)/.exec(template) ?? [];
  await build({
    entryPoints: [`${from}${entry}`],
    outdir: folder,
    bundle: true,
    platform: "node",
    format: format as Format, // what is none, esbuild refuses
    target,
    alias: { ...alias },
  });
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
