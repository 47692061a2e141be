// A timer of Azure Functions that drains orders each minute.
import { app } from "@azure/functions";
import { defineDrain } from "sluice";
import { LIMITS_MS, orThrow } from "sluice/fetch";

const orders = defineDrain(() => ({
  servers: process.env.NATS_URL ?? "",
  auth: { token: process.env.NATS_TOKEN ?? "" },
  stream: "ORDERS",
  consumer: "billing",
  handler: (message) => console.log(message.id, message.subject),
}));

export async function drain(): Promise<void> {
  orThrow(await orders.run({ limitMs: LIMITS_MS.azure }));
}

app.timer("drain", {
  schedule: "0 * * * * *",
  retry: { strategy: "fixedDelay", maxRetryCount: 2, delayInterval: { seconds: 10 } },
  handler: drain,
});
