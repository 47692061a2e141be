// A cron of Deno Deploy that drains orders each minute.
import { defineDrain } from "sluice";
import { BACKOFF_SCHEDULE, drainCron } from "sluice/deno";

const orders = defineDrain(() => ({
  servers: Deno.env.get("NATS_URL") ?? "",
  auth: { token: Deno.env.get("NATS_TOKEN") ?? "" },
  stream: "ORDERS",
  consumer: "billing",
  handler: (message) => console.log(message.id, message.subject),
}));

Deno.cron("drain orders", "* * * * *", { backoffSchedule: BACKOFF_SCHEDULE }, drainCron(orders));
