// The examples are what a user pastes: each drains a real consumer, called as its platform calls it.
import { createHash } from "node:crypto";
import { SignJWT } from "jose";
import { beforeEach, expect, test, vi } from "vitest";
import { gatewayEvent } from "../support/gateway.ts";
import { labServer } from "../support/lab-client.ts";

beforeEach(async () => {
  const server = await labServer({
    authorization: "authorization { token: s3cret }",
    adminLogin: { token: "s3cret" },
  });
  await server.createStream("ORDERS");
  await server.createConsumer("ORDERS", "billing");
  await server.publish("ORDERS.new", 2);
  vi.stubEnv("NATS_URL", server.wsUrl);
  vi.stubEnv("NATS_TOKEN", "s3cret");
  vi.stubEnv("CRON_SECRET", "cron-s3cret");
  vi.stubEnv("QSTASH_CURRENT_SIGNING_KEY", "sig_current");
  return () => vi.unstubAllEnvs();
});

/** Hono's handler as Lambda calls it. Its own type wants each member of an event and a context. */
type GatewayHandler = (event: object, context: object) => Promise<{ statusCode: number; body: string }>;

const drained = { outcome: "completed", reason: "empty", acked: 2 };
const url = "https://drain.example.com/api/drain";

test("the example of Lambda drains within the time that Lambda has left", async () => {
  const { handler } = await import("../../examples/lambda/index.ts");
  expect(await handler({}, { getRemainingTimeInMillis: () => 10_000 })).toMatchObject(drained);
});

test("the example behind API Gateway drains by POST with the token, within what Lambda has left", async () => {
  vi.stubEnv("DRAIN_TOKEN", "drain-s3cret");
  const { handler } = await import("../../examples/lambda-http/index.ts");
  const call = async (headers: Record<string, string>, remainingMs = 10_000) => {
    const context = { getRemainingTimeInMillis: () => remainingMs };
    const answer = await (handler as GatewayHandler)(gatewayEvent("/jobs/drain", headers), context);
    return { status: answer.statusCode, report: JSON.parse(answer.body) };
  };
  const Authorization = "Bearer drain-s3cret";
  expect(await call({})).toMatchObject({ status: 401 });
  expect(await call({ Authorization }, 100)).toMatchObject({
    status: 500,
    report: { reason: "invalid-options" },
  });
  expect(await call({ Authorization })).toMatchObject({ status: 200, report: drained });
});

test("the example behind SQS drains, and has the whole batch deleted", async () => {
  const { handler } = await import("../../examples/lambda-sqs/index.ts");
  const event = { Records: [{ messageId: "a" }, { messageId: "b" }] };
  const answer = await handler(event, { getRemainingTimeInMillis: () => 10_000 });
  expect(answer).toEqual({ batchItemFailures: [] });
});

test("the example of Vercel drains by GET with CRON_SECRET, and for nobody else", async () => {
  const { GET } = await import("../../examples/vercel/drain.ts");
  expect((await GET(new Request(url))).status).toBe(401);
  const response = await GET(new Request(url, { headers: { Authorization: "Bearer cron-s3cret" } }));
  expect(await response.json()).toMatchObject(drained);
});

test("the example of Netlify drains by POST", async () => {
  const { default: handler } = await import("../../examples/netlify/drain.ts");
  expect(await (await handler(new Request(url, { method: "POST" }))).json()).toMatchObject(drained);
});

test("the background function of Netlify drains for whoever has the token, and says nothing", async () => {
  vi.stubEnv("DRAIN_TOKEN", "drain-s3cret");
  const log = vi.spyOn(console, "log");
  const { default: handler } = await import("../../examples/netlify/drain-background.ts");
  const post = (headers: Record<string, string>) => handler(new Request(url, { method: "POST", headers }));
  expect(await post({})).toBeUndefined();
  expect(log).not.toHaveBeenCalled();
  expect(await post({ Authorization: "Bearer drain-s3cret" })).toBeUndefined();
  expect(log).toHaveBeenCalledTimes(2);
});

test("the example of Queues drains, and acks the batch", async () => {
  const { default: worker } = await import("../../examples/cloudflare-queues/worker.ts");
  const ackAll = vi.fn();
  const env = {
    NATS_URL: process.env.NATS_URL ?? "",
    NATS_TOKEN: "s3cret",
    ORDERS_READY: { sendBatch: async () => {} },
  };
  await worker.queue({ ackAll, retryAll: () => {} }, env);
  expect(ackAll).toHaveBeenCalledOnce();
});

test("the example of QStash drains what QStash signed, and nothing else", async () => {
  const { POST } = await import("../../examples/qstash/drain.ts");
  const request = { method: "POST", body: "{}" };
  expect((await POST(new Request(url, request))).status).toBe(401);
  const token = await new SignJWT({ body: createHash("sha256").update(request.body).digest("base64url") })
    .setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .setIssuer("Upstash")
    .setSubject(url)
    .setNotBefore("0 s")
    .setExpirationTime("5 min")
    .sign(new TextEncoder().encode("sig_current"));
  const signed = new Request(url, { ...request, headers: { "Upstash-Signature": token } });
  expect(await (await POST(signed)).json()).toMatchObject(drained);
});

test("the example of Azure drains, and returns nothing", async () => {
  vi.spyOn(console, "warn").mockReturnValue(); // outside of its host the package says that it registers nothing
  const log = vi.spyOn(console, "log");
  const { drain } = await import("../../examples/azure/drain.ts");
  expect(await drain()).toBeUndefined();
  expect(log).toHaveBeenCalledTimes(2);
});
