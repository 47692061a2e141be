// The example of Google Cloud under Google's own functions framework, called as Cloud Scheduler and Eventarc call.
import { join } from "node:path";
import { expect } from "vitest";
import { labStatusPeer } from "../support/lab-client.ts";
import { givenOrders, NATS_TOKEN } from "../support/orders.ts";
import { packages, projectOf } from "../support/parts.ts";
import { freePort, portOf, start } from "../support/programs.ts";
import { typeErrors } from "../support/type-check.ts";

const framework = await packages(
  "@google-cloud/functions-framework@5.0.5",
  "@hono/node-server@2.1.9",
  "hono@4.13.19",
);
const { test } = framework;

test("the example is right by the framework's own types", async () => {
  expect(await typeErrors("google-cloud", framework)).toBe("");
});

/** The URL of one of the example's functions. */
async function serve(target: string, natsUrl: string): Promise<string> {
  const { folder } = await projectOf("google-cloud", framework);
  const main = join(framework.folder ?? "", "node_modules/.bin/functions-framework");
  const flags = [`--target=${target}`, `--source=${join(folder, "function.mjs")}`];
  const env = { NATS_URL: natsUrl, NATS_TOKEN, PORT: await freePort() };
  const program = start([process.execPath, main, ...flags], env);
  return `http://127.0.0.1:${await portOf(program)}`;
}

/** An event as Eventarc sends it: CloudEvents in binary mode. */
const EVENT = {
  method: "POST",
  body: "{}",
  headers: {
    "Content-Type": "application/json",
    "ce-specversion": "1.0",
    "ce-id": "1",
    "ce-source": "//pubsub.googleapis.com/projects/p/topics/orders",
    "ce-type": "google.cloud.pubsub.topic.v1.messagePublished",
  },
};

test("a function that Cloud Scheduler calls by POST answers 200 and the report", async () => {
  const { login } = await givenOrders();
  const response = await fetch(await serve("drain", login.NATS_URL), { method: "POST", body: "{}" });
  expect(response.status).toBe(200);
  expect(await response.json()).toMatchObject({ outcome: "completed", acked: 2 });
});

test("it answers 503 and Retry-After where another try may help", async () => {
  const { wsUrl } = await labStatusPeer(503);
  const response = await fetch(await serve("drain", wsUrl), { method: "POST" });
  expect([response.status, response.headers.get("Retry-After")]).toEqual([503, "5"]);
});

test("a function that an event starts answers 204 when it drained", async () => {
  const { login, drained } = await givenOrders();
  expect((await fetch(await serve("drainOnEvent", login.NATS_URL), EVENT)).status).toBe(204);
  await drained();
});

test("it answers 500 when it did not, which Eventarc retries", async () => {
  const { wsUrl } = await labStatusPeer(503);
  expect((await fetch(await serve("drainOnEvent", wsUrl), EVENT)).status).toBe(500);
});
