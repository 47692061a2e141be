// An activity of Temporal that drains orders. A schedule starts a workflow that calls it.
import { ApplicationFailure } from "@temporalio/common";
import { defineDrain, type Report } from "sluice";
import { type DrainError, orThrow } from "sluice/fetch";

const orders = defineDrain(() => ({
  servers: process.env.NATS_URL ?? "",
  auth: { token: process.env.NATS_TOKEN ?? "" },
  stream: "ORDERS",
  consumer: "billing",
  handler: (message) => console.log(message.id, message.subject),
}));

/** The worker's activity: its `startToCloseTimeout` is 60 s. */
export async function drainOrders(): Promise<Report> {
  return orThrow(await orders.run({ limitMs: 55_000 }), {
    retryable: (error) => failure(error, { nextRetryDelay: error.retryAfterMs ?? 1_000 }),
    fatal: (error) => failure(error, { nonRetryable: true }),
  });
}

function failure(error: DrainError, how: { nextRetryDelay: number } | { nonRetryable: true }): Error {
  return ApplicationFailure.create({ message: error.message, type: error.name, cause: error, ...how });
}
