// The same as two functions of Cloud Run functions: one that Cloud Scheduler calls by POST, one that an event of Eventarc starts.
import { cloudEvent, http } from "@google-cloud/functions-framework";
import { getRequestListener } from "@hono/node-server";
import { defineDrain } from "sluice";
import { drainHandler, LIMITS_MS, orThrow } from "sluice/fetch";

const orders = defineDrain(() => ({
  servers: process.env.NATS_URL ?? "",
  auth: { token: process.env.NATS_TOKEN ?? "" },
  stream: "ORDERS",
  consumer: "billing",
  handler: (message) => console.log(message.id, message.subject),
}));

const limitMs = LIMITS_MS.google;

// Google itself asks who calls, where the function is deployed with --no-allow-unauthenticated.
const handler = drainHandler(orders, { authorize: () => true, limitMs });

http(
  "drain",
  getRequestListener((request) => handler(request)),
);

cloudEvent("drainOnEvent", async () => {
  orThrow(await orders.run({ limitMs }));
});
