// The example of Netlify in Netlify's own emulator, called as its scheduler calls: by POST, with its event header.

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, onTestFinished, vi } from "vitest";
import { labStatusPeer } from "../support/lab-client.ts";
import { givenOrders, NATS_TOKEN } from "../support/orders.ts";
import { packages, projectOf } from "../support/parts.ts";

interface NetlifyDev {
  start(): Promise<unknown>;
  stop(): Promise<unknown>;
  handle(request: Request): Promise<Response | undefined>;
}

const netlify = await packages("@netlify/dev@5.1.3");
const { test } = netlify;
// The emulator is many files, and bundles at its first start.
vi.setConfig({ testTimeout: 120_000 });

/** Netlify's emulator with the example's functions. */
async function serve(natsUrl: string): Promise<(name: string, headers?: HeadersInit) => Promise<Response>> {
  vi.stubEnv("NATS_URL", natsUrl);
  vi.stubEnv("NATS_TOKEN", NATS_TOKEN);
  vi.stubEnv("DRAIN_TOKEN", "drain-s3cret");
  const { folder } = await projectOf("netlify", netlify, "netlify/functions");
  await writeFile(join(folder, "netlify.toml"), "");
  const entry = join(netlify.folder ?? "", "node_modules/@netlify/dev/dist/main.js");
  const { NetlifyDev } = (await import(pathToFileURL(entry).href)) as {
    NetlifyDev: new (options: object) => NetlifyDev;
  };
  const off = { enabled: false };
  const quiet = { log() {}, warn() {}, error() {} };
  const dev = new NetlifyDev({
    projectRoot: folder,
    logger: quiet,
    blobs: off,
    edgeFunctions: off,
    redirects: off,
    staticFiles: off,
  });
  await dev.start();
  onTestFinished(async () => void (await dev.stop()));
  return async (name, headers = {}) => {
    const url = `http://localhost:8888/.netlify/functions/${name}`;
    const response = await dev.handle(new Request(url, { method: "POST", headers, body: '{"next_run":""}' }));
    if (response === undefined) throw new Error(`Netlify has no function ${name}`);
    return response;
  };
}

test("a scheduled function drains, and answers 200 and the report", async () => {
  const { login } = await givenOrders();
  const call = await serve(login.NATS_URL);
  const response = await call("drain", { "x-nf-event": "schedule" });
  expect(response.status).toBe(200);
  expect(await response.json()).toMatchObject({ outcome: "completed", acked: 2 });
});

test("it answers 503 where another try may help, which the log has", async () => {
  const call = await serve((await labStatusPeer(503)).wsUrl);
  expect((await call("drain", { "x-nf-event": "schedule" })).status).toBe(503);
});

test("a background function is answered 202, and drains", async () => {
  const { login, drained } = await givenOrders();
  const call = await serve(login.NATS_URL);
  expect((await call("drain-background", { Authorization: "Bearer drain-s3cret" })).status).toBe(202);
  await drained();
});
