// A Lambda function behind API Gateway or a Function URL: POST /jobs/drain with the bearer token drains orders.
import { Hono } from "hono";
import { handle, type LambdaContext } from "hono/aws-lambda";
import { defineDrain } from "sluice";
import { drainRoutes } from "sluice/hono";

interface Bindings {
  readonly lambdaContext: LambdaContext;
}

const orders = defineDrain<Bindings>(() => ({
  servers: process.env.NATS_URL ?? "",
  auth: { token: process.env.NATS_TOKEN ?? "" },
  stream: "ORDERS",
  consumer: "billing",
  handler: (message) => console.log(message.id, message.subject),
}));

const drain = drainRoutes(orders, {
  token: () => process.env.DRAIN_TOKEN,
  // API Gateway gives up after 30 s whatever the function has left.
  limitMs: 25_000,
  remainingMs: ({ lambdaContext }) => lambdaContext.getRemainingTimeInMillis(),
});

export const handler = handle(new Hono().route("/jobs", drain));
