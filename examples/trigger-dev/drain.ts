// A task of Trigger.dev that drains orders each minute.
import { AbortTaskRunError, schedules } from "@trigger.dev/sdk";
import { defineDrain } from "sluice";
import { DrainError, orThrow } from "sluice/fetch";

const orders = defineDrain(() => ({
  servers: process.env.NATS_URL ?? "",
  auth: { token: process.env.NATS_TOKEN ?? "" },
  stream: "ORDERS",
  consumer: "billing",
  handler: (message) => console.log(message.id, message.subject),
}));

export const drainOrders = schedules.task({
  id: "drain-orders",
  cron: "* * * * *",
  queue: { concurrencyLimit: 1 },
  maxDuration: 60,
  retry: { maxAttempts: 4 },
  run: async () =>
    orThrow(await orders.run({ limitMs: 55_000 }), {
      fatal: (error) => new AbortTaskRunError(error.message),
    }),
  catchError: ({ error }) =>
    error instanceof DrainError ? { retryDelayInMs: error.retryAfterMs ?? 1_000 } : undefined,
});
