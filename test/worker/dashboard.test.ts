// The Worker with its dashboard, called without workerd, against a real nats-server: who may see what, and what it shows.
import { beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { writeHistory } from "../../src/observe/history.ts";
import type { Vars } from "../../src/vars/vars.ts";
import { workerApp } from "../../src/worker/app.ts";
import { pages } from "../../src/worker/dashboard.ts";
import { BUCKET, makeBucket } from "../support/bucket.ts";
import { connectAs } from "../support/delivery.ts";
import { type LabServer, labServer } from "../support/lab-client.ts";
import { ADMIN_USER } from "../support/nats.ts";
import { reportOf } from "../support/report.ts";

const TOKEN = "0123456789abcdef";
const ORIGIN = "https://sluice.example.com";
const app = workerApp(pages);

let server: LabServer;
let env: Vars;
beforeEach(async () => {
  server = await labServer();
  await server.createStream("EVENTS");
  await server.createConsumer("EVENTS", "sluice");
  await server.publish("EVENTS.made", 3);
  env = {
    NATS_URL: server.wsUrl,
    NATS_USER: ADMIN_USER.user,
    NATS_PASSWORD: ADMIN_USER.pass,
    NATS_STREAM: "EVENTS",
    NATS_CONSUMER: "sluice",
    TARGET_URL: "https://target.invalid/",
    HISTORY_BUCKET: BUCKET,
    DRAIN_TOKEN: TOKEN,
  };
});

/** A bucket that holds one report. */
async function givenHistory(): Promise<void> {
  const { nats } = await connectAs("admin", server.wsUrl);
  onTestFinished(() => nats.close());
  await makeBucket(nats);
  expect(await writeHistory(nats, reportOf("max-wait"), { bucket: BUCKET }, 10_000)).toBe(true);
}

async function logIn(): Promise<string> {
  const body = new URLSearchParams({ token: TOKEN });
  const response = await app.request(
    `${ORIGIN}/login`,
    { method: "POST", body, headers: { Origin: ORIGIN } },
    env,
  );
  return response.headers.get("Set-Cookie")?.split(";")[0] ?? "";
}

const read = async (path: string, headers: Record<string, string>, vars = env): Promise<string> =>
  await (await app.request(`${ORIGIN}${path}`, { headers }, vars)).text();

test("the dashboard shows the consumer's state and the history's last report", async () => {
  await givenHistory();
  const html = await read("/", { Cookie: await logIn() });
  expect(html).toContain("<dt>Pending</dt><dd>3</dd>");
  expect(html).toContain("completed: max-wait");
});

test("the metrics have the consumer's state and the history's drains", async () => {
  await givenHistory();
  const text = await read("/metrics", { Authorization: `Bearer ${TOKEN}` });
  expect(text).toContain('sluice_consumer_pending_messages{stream="EVENTS",consumer="sluice"} 3');
  expect(text).toContain('reason="max-wait"} 1');
});

test("the button of the Worker's dashboard drains, and logs the report", async () => {
  const target = { fetch: async () => new Response(null, { status: 204 }) };
  const log = vi.spyOn(console, "log").mockReturnValue();
  onTestFinished(() => log.mockRestore());
  const headers = { Cookie: await logIn(), Origin: ORIGIN };
  const vars: Vars = { ...env, HISTORY_BUCKET: undefined, TARGET: target, MAX_WAIT_MS: "500" };
  const response = await app.request(`${ORIGIN}/drain-now`, { method: "POST", headers }, vars);
  expect(response.status).toBe(303);
  expect(log.mock.calls.join()).toContain('"acked":3');
  expect(await read("/", headers, vars)).toContain("<dt>Pending</dt><dd>0</dd>");
});

test("every path but /healthz and the login refuses a stranger", async () => {
  const paths = [...new Set(app.routes.map(({ path }) => path))].filter((path) => !path.includes("*"));
  expect(paths).toEqual(expect.arrayContaining(["/", "/metrics", "/drain", "/drain-now"]));
  const open: string[] = [];
  for (const path of paths) {
    for (const method of ["GET", "POST"]) {
      const response = await app.request(`${ORIGIN}${path}`, { method, headers: { Origin: ORIGIN } }, env);
      const text = await response.text();
      expect(text).not.toContain("EVENTS");
      if (response.status < 300) open.push(`${method} ${path}`);
    }
  }
  expect(open).toEqual(["GET /healthz"]);
  expect(await server.consumerState("EVENTS", "sluice")).toMatchObject({ pending: 3 });
});

test.each([
  ["no server", { NATS_URL: "ws://127.0.0.1:9" }, "No connection could be made."],
  ["no such consumer", { NATS_CONSUMER: "gone" }, "The consumer could not be asked: consumer not found."],
])("the dashboard says why it shows nothing: %s", async (_, vars, problem) => {
  expect(await read("/", { Cookie: await logIn() }, { ...env, ...vars })).toContain(problem);
});
