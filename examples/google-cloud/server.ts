// A service of Cloud Run that Cloud Scheduler calls by POST.
import { serve } from "@hono/node-server";
import { defineDrain } from "sluice";
import { drainHandler, LIMITS_MS } from "sluice/fetch";

const orders = defineDrain(() => ({
  servers: process.env.NATS_URL ?? "",
  auth: { token: process.env.NATS_TOKEN ?? "" },
  stream: "ORDERS",
  consumer: "billing",
  handler: (message) => console.log(message.id, message.subject),
}));

// Cloud Run itself asks who calls: it is deployed with --no-allow-unauthenticated, and checks the OIDC token.
const handler = drainHandler(orders, { authorize: () => true, limitMs: LIMITS_MS.google });

const port = Number(process.env.PORT ?? 8080);
const server = serve({ fetch: (request) => handler(request), port }, (at) =>
  console.log(`http://localhost:${at.port}`),
);
process.once("SIGTERM", () => server.close());
