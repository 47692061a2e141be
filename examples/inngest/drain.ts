// A function of Inngest that drains orders each minute. Serve it with your framework's `serve` of "inngest/…".
import { cron, Inngest, NonRetriableError, RetryAfterError } from "inngest";
import { defineDrain } from "sluice";
import { LIMITS_MS, orThrow } from "sluice/fetch";

const orders = defineDrain(() => ({
  servers: process.env.NATS_URL ?? "",
  auth: { token: process.env.NATS_TOKEN ?? "" },
  stream: "ORDERS",
  consumer: "billing",
  handler: (message) => console.log(message.id, message.subject),
}));

export const inngest = new Inngest({ id: "orders" });

export const drainOrders = inngest.createFunction(
  { id: "drain-orders", triggers: [cron("* * * * *")], retries: 3, concurrency: 1 },
  async () =>
    orThrow(await orders.run({ limitMs: LIMITS_MS.http }), {
      retryable: (error) => new RetryAfterError(error.message, error.retryAfterMs ?? 1_000),
      fatal: (error) => new NonRetriableError(error.message, { cause: error }),
    }),
);
