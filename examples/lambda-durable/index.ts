// A durable function of Lambda with one step that drains orders, and is tried again when the report says.
import { withDurableExecution } from "@aws/durable-execution-sdk-js";
import { defineDrain } from "sluice";
import { type DrainRetryableError, lambdaHandler } from "sluice/lambda";

const orders = defineDrain(() => ({
  servers: process.env.NATS_URL ?? "",
  auth: { token: process.env.NATS_TOKEN ?? "" },
  stream: "ORDERS",
  consumer: "billing",
  handler: (message) => console.log(message.id, message.subject),
}));

const drain = lambdaHandler(orders);

export const handler = withDurableExecution(async (event, context) => {
  const step = (): Promise<object> => drain(event, context.lambdaContext);
  return await context.step("drain", step, {
    retryStrategy: (error, attempt) => ({
      shouldRetry: error.name === "DrainRetryableError" && attempt < 4,
      delay: { seconds: waitS(error) },
    }),
  });
});

/** The step's own error may have been through JSON: its name and `retryAfterMs` are all that is left of it. */
function waitS(error: Error): number {
  const { retryAfterMs } = error as Partial<DrainRetryableError>;
  return Math.ceil((retryAfterMs ?? 1_000) / 1_000);
}
