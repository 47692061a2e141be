// supabase/functions/drain/index.ts: pg_cron calls it by POST, see schedule.sql.
import { defineDrain } from "sluice";
import { bearer, drainHandler, LIMITS_MS } from "sluice/fetch";

const orders = defineDrain(() => ({
  servers: Deno.env.get("NATS_URL") ?? "",
  auth: { token: Deno.env.get("NATS_TOKEN") ?? "" },
  stream: "ORDERS",
  consumer: "billing",
  handler: (message) => console.log(message.id, message.subject),
}));

const handler = drainHandler(orders, {
  // Supabase takes Authorization for the project's own key.
  authorize: bearer(() => Deno.env.get("DRAIN_TOKEN"), { header: "Drain-Authorization" }),
  limitMs: LIMITS_MS.supabase,
});

Deno.serve((request) => handler(request));
