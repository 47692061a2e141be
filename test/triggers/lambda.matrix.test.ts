// The examples of Lambda in AWS's own Runtime Interface Emulator, under AWS's own Node client: what Lambda gets to hear.
import { describe, expect } from "vitest";
import { gatewayEvent } from "../support/gateway.ts";
import { labSilentPeer, labStatusPeer } from "../support/lab-client.ts";
import { lambdaOf } from "../support/lambda.ts";
import { lambdaParts } from "../support/lambda-parts.ts";
import { givenOrders, NATS_TOKEN } from "../support/orders.ts";

const parts = await lambdaParts();
const { test } = parts;

const env = (NATS_URL: string) => ({ NATS_URL, NATS_TOKEN, DRAIN_TOKEN: "drain-s3cret" });

describe("a scheduled function", () => {
  /** As EventBridge sends it. */
  const TICK = {
    version: "0",
    id: "1",
    "detail-type": "Scheduled Event",
    source: "aws.events",
    time: "2026-11-25T08:00:00Z",
    resources: ["arn:aws:events:eu-central-1:123456789012:rule/drain"],
    detail: {},
  };

  test("gives Lambda the report of its drain, tick after tick in one environment", async () => {
    const { server, login } = await givenOrders();
    const invoke = await lambdaOf(parts, "lambda", env(login.NATS_URL), 20);
    expect(await invoke(TICK)).toMatchObject({ outcome: "completed", acked: 2 });
    await server.publish("ORDERS.new", 3);
    expect(await invoke(TICK)).toMatchObject({ outcome: "completed", acked: 3 });
  });

  test("of a silent server ends within what Lambda has left, and may be retried", async () => {
    const peer = await labSilentPeer();
    // Lambda's own default, which is the shortest that anybody meets.
    const invoke = await lambdaOf(parts, "lambda", env(peer.wsUrl), 3);
    for (const _tick of [1, 2]) {
      expect(await invoke(TICK)).toMatchObject({
        errorType: "DrainRetryableError",
        errorMessage: expect.stringContaining("connect-timeout"),
      });
    }
  });

  test("that only an operator can help says so by the error's name, and by no secret", async () => {
    const peer = await labStatusPeer(401);
    const answer = await (await lambdaOf(parts, "lambda", env(peer.wsUrl), 20))(TICK);
    expect(answer).toMatchObject({ errorType: "DrainFatalError" });
    expect(JSON.stringify(answer)).not.toContain(NATS_TOKEN);
  });
});

test("an asynchronous call drains, though nobody hears the report", async () => {
  const { login, drained } = await givenOrders();
  const invoke = await lambdaOf(parts, "lambda", env(login.NATS_URL), 20);
  await invoke({ any: "event" }, { "X-Amz-Invocation-Type": "Event" });
  await drained();
});

describe("a function that SQS invokes", () => {
  const BATCH = {
    Records: ["a", "b"].map((messageId) => ({ messageId, body: "{}", eventSource: "aws:sqs" })),
  };

  test("drains, and has the whole batch deleted", async () => {
    const { login, drained } = await givenOrders();
    const invoke = await lambdaOf(parts, "lambda-sqs", env(login.NATS_URL), 20);
    expect(await invoke(BATCH)).toEqual({ batchItemFailures: [] });
    await drained();
  });

  test("has the whole batch come again where another try may help", async () => {
    const peer = await labStatusPeer(503);
    expect(await (await lambdaOf(parts, "lambda-sqs", env(peer.wsUrl), 20))(BATCH)).toEqual({
      batchItemFailures: [{ itemIdentifier: "a" }, { itemIdentifier: "b" }],
    });
  });
});

describe("a function behind API Gateway", () => {
  const TOKEN = { authorization: "Bearer drain-s3cret" };

  test("answers 200 and the report with the token, and 401 without it", async () => {
    const { login, drained } = await givenOrders();
    const invoke = await lambdaOf(parts, "lambda-http", env(login.NATS_URL), 30);
    expect(await invoke(gatewayEvent("/jobs/drain", {}))).toMatchObject({ statusCode: 401 });
    const { statusCode, body } = await invoke(gatewayEvent("/jobs/drain", TOKEN));
    expect(statusCode).toBe(200);
    expect(JSON.parse(String(body))).toMatchObject({ outcome: "completed", acked: 2 });
    await drained();
  });

  test("answers within what Lambda has left, with Retry-After", async () => {
    const peer = await labSilentPeer();
    const invoke = await lambdaOf(parts, "lambda-http", env(peer.wsUrl), 3);
    expect(await invoke(gatewayEvent("/jobs/drain", TOKEN))).toMatchObject({
      statusCode: 503,
      headers: { "retry-after": expect.stringMatching(/^\d+$/) },
    });
  });
});
