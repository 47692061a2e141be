// The deployable Worker as it is deployed: wrangler.toml's main, in workerd, against a real nats-server and a target that
// answers as real ones do. Through wrangler's own dev server where what wrangler makes of it matters.
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { unstable_readConfig as readConfig } from "wrangler";
import type { Report } from "../../src/index.ts";
import { labJwtServer, labNkeyServer } from "../support/lab-client.ts";
import { startTestServer, type TestServer } from "../support/nats.ts";
import { type ServedTestWorker, startBundledWorker, startServedWorker } from "../support/served-worker.ts";
import { startTarget, type TestTarget } from "../support/target.ts";

const WRANGLER_TOML = fileURLToPath(new URL("../../wrangler.toml", import.meta.url));
const TOKEN = "drain-token-1234";
// Read without the spaces that pasting leaves.
const SECRETS = { DRAIN_TOKEN: ` ${TOKEN}\n`, NATS_USER: "drain", NATS_PASSWORD: "drain-pw" };

let server: TestServer;
let target: TestTarget;
let made = 0;

beforeAll(async () => {
  server = await startTestServer();
  target = await startTarget();
  await server.createStream("DEAD", { subjects: ["dlq.>"] });
});
afterEach(() => {
  target.answer = () => ({});
});
afterAll(async () => {
  await target[Symbol.asyncDispose]();
  await server.stop();
});

/** A stream with messages, and the vars of a Worker that drains it. */
async function given(
  bodies: readonly string[],
  config: Record<string, unknown> = {},
): Promise<Record<string, string>> {
  made += 1;
  const stream = `EVENTS${made}`;
  await server.createStream(stream);
  await server.createConsumer(stream, "sluice", config);
  if (bodies.length > 0) await server.publish(`${stream}.made`, bodies.length, bodies);
  return {
    NATS_URL: server.wsUrl,
    NATS_STREAM: stream,
    NATS_CONSUMER: "sluice",
    TARGET_URL: target.url,
    MAX_WAIT_MS: "600",
    LIMIT_MS: "6000",
  };
}

async function worker(
  vars: Record<string, string>,
  secrets: Record<string, string> = SECRETS,
): Promise<ServedTestWorker> {
  return await startBundledWorker(vars, secrets);
}

async function drain(at: ServedTestWorker, token: string | undefined = TOKEN): Promise<Response> {
  const headers: HeadersInit = token === "" ? {} : { Authorization: `Bearer ${token}` };
  return await fetch(new URL("/drain", at.url), { method: "POST", headers });
}

/** What a cron scheduler is told of a run. */
async function cron(at: ServedTestWorker): Promise<{ outcome: string; noRetry: boolean; tookMs: number }> {
  const startedAt = Date.now();
  const response = await fetch(new URL("/cdn-cgi/local/scheduled?format=json", at.url));
  const told = (await response.json()) as { outcome: string; noRetry: boolean }; // miniflare's format
  return { ...told, tookMs: Date.now() - startedAt };
}

const state = (vars: Record<string, string>) => server.consumerState(vars.NATS_STREAM ?? "", "sluice");

describe("the deployable Worker", () => {
  test("posts each message as a CloudEvent, body untouched, and acks what the target accepts", async () => {
    const vars = await given(['{"order":1}', "ünïcode", ""]);
    await using deployed = await startServedWorker(vars, SECRETS);
    const before = target.events.length;
    const response = await drain(deployed);
    const report = (await response.json()) as Report;
    expect(response.status).toBe(200);
    expect(report).toMatchObject({ outcome: "completed", reason: "empty", fetched: 3, acked: 3, pending: 0 });
    const events = target.events.slice(before);
    expect(events.map(({ body }) => body)).toEqual(['{"order":1}', "ünïcode", ""]);
    expect(events[0]).toMatchObject({
      method: "POST",
      path: "/events",
      headers: {
        "ce-specversion": "1.0",
        "ce-id": `${vars.NATS_STREAM}:1`,
        "ce-subject": `${vars.NATS_STREAM}.made`,
        "ce-natsdeliverycount": "1",
        "content-type": "application/octet-stream",
      },
    });
    expect(events[0]?.headers["ce-source"]).toBeTruthy();
    expect(events[0]?.headers["ce-type"]).toBeTruthy();
    expect(Date.parse(String(events[0]?.headers["ce-time"]))).not.toBeNaN();
    expect(await state(vars)).toMatchObject({ pending: 0, ackPending: 0, ackFloor: 3 });
  });

  test("naks what the target cannot take now, rejects what it never will, and follows no redirect", async () => {
    const vars = await given(["429", "503", "408", "425", "404", "302", "200"], { ack_wait: 60_000 * 1e6 });
    await using deployed = await worker({ ...vars, DEAD_LETTER_SUBJECT: "dlq.events" });
    target.answer = ({ body }) => ({
      status: Number(body),
      headers: { "Retry-After": "60", Location: new URL("/elsewhere", target.url).href },
    });
    const report = (await (await drain(deployed)).json()) as Report;
    expect(report).toMatchObject({
      outcome: "completed",
      fetched: 7,
      acked: 1,
      retried: 5,
      deadLettered: 1,
      rejected: 0,
    });
    expect(target.events.some(({ path }) => path === "/elsewhere")).toBe(false);
    expect(await state(vars)).toMatchObject({ pending: 0, ackPending: 5 });
    const dead = await (await server.admin()).request(
      "$JS.API.STREAM.MSG.GET.DEAD",
      JSON.stringify({ last_by_subj: "dlq.events" }),
    );
    const { message } = dead.json<{ message: { data: string; hdrs: string } }>();
    expect(atob(message.data)).toBe("404");
    expect(atob(message.hdrs)).toContain(`Sluice-Stream: ${vars.NATS_STREAM}`);
  });

  test("makes a message that failed its last delivery a dead letter", async () => {
    const vars = await given(["poison"]);
    await using deployed = await worker({ ...vars, DEAD_LETTER_SUBJECT: "dlq.poison", MAX_DELIVERIES: "1" });
    target.answer = () => ({ status: 500 });
    expect(await (await drain(deployed)).json()).toMatchObject({ fetched: 1, retried: 0, deadLettered: 1 });
    expect(await state(vars)).toMatchObject({ pending: 0, ackPending: 0 });
  });

  test("lets a request that never ends hold back nobody", async () => {
    const vars = await given(["hangs", ...Array.from({ length: 9 }, (_, index) => `healthy ${index}`)]);
    await using deployed = await worker(vars);
    const before = target.events.length;
    target.answer = ({ body }) => (body === "hangs" ? new Promise(() => {}) : {});
    const report = (await (await drain(deployed)).json()) as Report;
    expect(report).toMatchObject({ outcome: "completed", fetched: 10, acked: 9, retried: 1 });
    expect(target.events.slice(before).filter(({ body }) => body.startsWith("healthy"))).toHaveLength(9);
    expect(report.timings.totalMs).toBeLessThan(6_000);
  });

  test("tries the addresses of NATS_URL in turn, and names each event by its key", async () => {
    const vars = await given(["one"]);
    const urls = `ws://127.0.0.1:1, ${server.wsUrl}`;
    await using deployed = await worker({ ...vars, NATS_URL: urls });
    const before = target.events.length;
    const report = (await (await drain(deployed)).json()) as Report;
    expect(report).toMatchObject({ outcome: "completed", fetched: 1, acked: 1 });
    expect(target.events.slice(before).map(({ headers }) => headers["idempotency-key"])).toEqual([
      `${vars.NATS_STREAM}:1`,
    ]);
  });

  test("opens /drain to nobody without the token, and /healthz to everybody", async () => {
    const vars = await given(["untouched"]);
    await using deployed = await worker(vars);
    for (const token of ["", "wrong-token", `${TOKEN}x`]) {
      const response = await drain(deployed, token);
      expect(response.status).toBe(401);
      expect(response.headers.get("WWW-Authenticate")).toMatch(/^Bearer/);
    }
    expect((await fetch(new URL("/drain", deployed.url))).status).toBe(401);
    const health = await fetch(new URL("/healthz", deployed.url));
    expect([health.status, await health.text()]).toEqual([200, '{"status":"ok"}']);
    const nothing = await fetch(new URL("/nothing?key=hunter2", deployed.url));
    expect([nothing.status, await nothing.text()]).toEqual([
      404,
      expect.not.stringMatching(/nothing|hunter2/),
    ]);
    expect(await state(vars)).toMatchObject({ pending: 1, delivered: 0 });
  });

  test("drains by cron, and the scheduler sees a completed run", async () => {
    const vars = await given(["a", "b"]);
    const own = { ...vars, BATCH: "1", FETCHES: "5", CONCURRENCY: "2" };
    await using deployed = await startServedWorker(own, SECRETS);
    expect(await cron(deployed)).toMatchObject({ outcome: "ok" });
    expect(await state(vars)).toMatchObject({ pending: 0, ackPending: 0 });
  });

  test("a fatal end is a 500 over HTTP, and a failed run that is not to be retried by cron", async () => {
    const vars = await given([]);
    await using deployed = await worker({ ...vars, NATS_CONSUMER: "missing" });
    const response = await drain(deployed);
    expect(response.status).toBe(500);
    expect(response.headers.get("Content-Type")).toBe("application/problem+json");
    expect(await response.json()).toMatchObject({
      status: 500,
      outcome: "fatal",
      reason: "consumer-not-found",
      fetched: 0,
      detail: expect.stringContaining("missing"),
    });
    expect(await cron(deployed)).toMatchObject({ outcome: "exception", noRetry: true });
  });

  test("a retryable end is a 503 with Retry-After over HTTP, and a failed run that may be retried by cron", async () => {
    const vars = await given([]);
    await using deployed = await worker({ ...vars, NATS_URL: "ws://127.0.0.1:1" });
    const response = await drain(deployed);
    expect(response.status).toBe(503);
    expect(Number(response.headers.get("Retry-After"))).toBeGreaterThan(0);
    expect(await response.json()).toMatchObject({ outcome: "retryable", reason: "connect-failed" });
    expect(await cron(deployed)).toMatchObject({ outcome: "exception", noRetry: false });
  });

  test("says which var is missing or malformed, on every route but /healthz, without a stack trace", async () => {
    const vars = await given([]);
    const { NATS_STREAM: _, ...lacking } = vars;
    for (const [wrong, name] of [
      [lacking, "NATS_STREAM"],
      [{ ...vars, BATCH: "hunter2" }, "BATCH"],
    ] as const) {
      await using deployed = await worker(wrong);
      for (const response of [await drain(deployed), await fetch(new URL("/", deployed.url))]) {
        const text = await response.text();
        expect(response.status).toBe(500);
        expect(text).toContain(name);
        expect(text).not.toContain("hunter2");
        expect(text).not.toMatch(/\bat \S+:\d+|node_modules|\.ts/);
      }
      expect((await fetch(new URL("/healthz", deployed.url))).status).toBe(200);
      expect(await cron(deployed)).toMatchObject({ outcome: "exception", noRetry: true });
    }
  });

  test("signs in with an nkey and with creds, though its bundle has no nkeys library", async () => {
    const { alias } = readConfig({ config: WRANGLER_TOML });
    expect(alias).toHaveProperty("@nats-io/nkeys");
    const nkey = await labNkeyServer();
    const jwt = await labJwtServer();
    for (const [at, secret] of [
      [nkey, { NATS_NKEY_SEED: nkey.seed }],
      [jwt, { NATS_CREDS: jwt.creds.good }],
    ] as const) {
      await at.createStream("EVENTS");
      await at.createConsumer("EVENTS", "sluice");
      await at.publish("EVENTS.made", 1);
      const vars = { ...(await given([])), NATS_URL: at.wsUrl, NATS_STREAM: "EVENTS" };
      await using deployed = await startServedWorker(vars, { DRAIN_TOKEN: TOKEN, ...secret });
      expect(await (await drain(deployed)).json()).toMatchObject({ outcome: "completed", acked: 1 });
    }
  });

  test("refuses /drain where no token is configured", async () => {
    const vars = await given(["untouched"]);
    const { DRAIN_TOKEN: _, ...secrets } = SECRETS;
    await using deployed = await worker(vars, secrets);
    const response = await drain(deployed, "undefined");
    expect(response.status).toBe(500);
    expect(await response.text()).toContain("DRAIN_TOKEN");
    expect(await state(vars)).toMatchObject({ pending: 1, delivered: 0 });
  });
});
